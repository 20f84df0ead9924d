"""Schema of `max::rms_norm`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu
from max.kernels.rms_norm.cpu import make_rms_norm_record
from max.kernels.rms_norm.reference import rms_norm_reference


def _fake(
    x: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    weight_offset: float,
    multiply_before_cast: bool,
) -> torch.Tensor:
    torch._check(
        x.shape[-1] == weight.shape[0],
        lambda: f"the last axis of x has {x.shape[-1]} elements, weight has {weight.shape[0]}",
    )
    return torch.empty_like(x)


rms_norm = define_op(
    "rms_norm(Tensor x, Tensor weight, float eps, float weight_offset, bool multiply_before_cast)"
    " -> Tensor",
    reference=rms_norm_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1, norms_last_axis=True),
)
implement_on_cpu(rms_norm, make_rms_norm_record, rms_norm_reference)
implement_on_gpu(rms_norm, rms_norm_reference)
