"""Schema of `max::add_rms_norm`."""

from __future__ import annotations

import torch

from max.kernels.add_rms_norm.reference import add_rms_norm_reference
from max.kernels.registry import define_op, extend_facts, implement_on_gpu
from max.kernels.rms_norm import rms_norm


def _fake(
    x: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    weight_offset: float,
    multiply_before_cast: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    torch._check(
        x.dtype == y.dtype, lambda: f"x is {x.dtype}, and y, which is added to it, {y.dtype}"
    )
    return torch.empty_like(x), torch.empty_like(x)


add_rms_norm = define_op(
    "add_rms_norm(Tensor x, Tensor y, Tensor weight, float eps, float weight_offset,"
    " bool multiply_before_cast)"
    " -> (Tensor, Tensor)",
    reference=add_rms_norm_reference,
    fake=_fake,
)
implement_on_gpu(add_rms_norm, add_rms_norm_reference)
extend_facts(rms_norm, of_sum=add_rms_norm)
