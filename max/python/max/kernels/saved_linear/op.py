"""Schema of `max::saved_linear`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.lora_linear.reference import PANEL
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu
from max.kernels.saved_linear.cpu import make_saved_linear_record
from max.kernels.saved_linear.reference import saved_linear_reference


def _fake(
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    weights: torch.Tensor,
    is_saved: torch.Tensor,
) -> torch.Tensor:
    torch._check(
        y.ndim == x.ndim == slots.ndim == 2 and y.dtype == x.dtype,
        lambda: (
            f"y is {y.dtype} {list(y.shape)}, x {x.dtype} {list(x.shape)}, slots "
            f"{list(slots.shape)}: two axes, and one dtype of y and x"
        ),
    )
    panels = -(-y.shape[1] // PANEL)
    torch._check(
        weights.shape[1:] == (panels, x.shape[1], PANEL),
        lambda: (
            f"from {x.shape[1]} to {y.shape[1]} elements weights are [slots, {panels}, "
            f"{x.shape[1]}, {PANEL}]; they are {list(weights.shape)}"
        ),
    )
    return y


saved_linear = define_op(
    "saved_linear(Tensor(a!) y, Tensor x, Tensor slots, Tensor weights, Tensor is_saved)"
    " -> Tensor(a!)",
    reference=saved_linear_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=3),
)
implement_on_cpu(saved_linear, make_saved_linear_record, saved_linear_reference)
implement_on_gpu(saved_linear, saved_linear_reference)
