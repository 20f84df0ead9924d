"""Schema of `max::add_layer_norm`."""

from __future__ import annotations

import torch

from max.kernels.add_layer_norm.reference import add_layer_norm_reference
from max.kernels.layer_norm import layer_norm
from max.kernels.registry import define_op, extend_facts, implement_on_gpu


def _fake(
    x: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    torch._check(
        x.dtype == y.dtype, lambda: f"x is {x.dtype}, and y, which is added to it, {y.dtype}"
    )
    return torch.empty_like(x), torch.empty_like(x)


add_layer_norm = define_op(
    "add_layer_norm(Tensor x, Tensor y, Tensor? weight, Tensor? bias, float eps)"
    " -> (Tensor, Tensor)",
    reference=add_layer_norm_reference,
    fake=_fake,
)
implement_on_gpu(add_layer_norm, add_layer_norm_reference)
extend_facts(layer_norm, of_sum=add_layer_norm)
