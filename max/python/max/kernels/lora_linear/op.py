"""Schema of `max::lora_linear`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.lora_linear.cpu import make_lora_linear_record
from max.kernels.lora_linear.reference import PANEL, lora_linear_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu

# The kernel reads vectors of so many columns of `a` at most.
RANK_MULTIPLE = 16


def _fake(
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
    affine: torch.Tensor,
    is_affine: torch.Tensor,
) -> torch.Tensor:
    torch._check(
        y.ndim == x.ndim == slots.ndim == 2 and y.dtype == x.dtype and a.dtype == b.dtype,
        lambda: (
            f"y is {y.dtype} {list(y.shape)}, x {x.dtype} {list(x.shape)}, a {a.dtype}, "
            f"b {b.dtype}, slots {list(slots.shape)}: two axes; one dtype of y and x, one of a, b"
        ),
    )
    torch._check(
        a.shape[1] == x.shape[1]
        and b.shape[1] == -(-y.shape[1] // PANEL)
        and a.shape[2] == b.shape[2]
        and a.shape[2] % RANK_MULTIPLE == 0,
        lambda: (
            f"from {x.shape[1]} to {y.shape[1]} elements a is [slots, {x.shape[1]}, rank] and b "
            f"[slots, {-(-y.shape[1] // PANEL)}, rank, {PANEL}], the rank a multiple of "
            f"{RANK_MULTIPLE}; they are {list(a.shape)} and {list(b.shape)}"
        ),
    )
    return y


lora_linear = define_op(
    "lora_linear(Tensor(a!) y, Tensor x, Tensor slots, Tensor a, Tensor b, Tensor scales,"
    " Tensor ranks, Tensor affine, Tensor is_affine) -> Tensor(a!)",
    reference=lora_linear_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=3),
)
implement_on_cpu(lora_linear, make_lora_linear_record, lora_linear_reference)
implement_on_gpu(lora_linear, lora_linear_reference)
