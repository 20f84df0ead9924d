"""Schema of `max::swiglu`."""

from __future__ import annotations

from functools import partial

import torch

from max.kernels.elementwise import make_elementwise_record
from max.kernels.facts import OpFacts
from max.kernels.registry import define_op, implement_on_cpu
from max.kernels.swiglu.reference import swiglu_reference


def _fake(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    torch._check(
        gate.ndim == up.ndim and gate.dtype == up.dtype,
        lambda: f"gate is {list(gate.shape)} {gate.dtype}, up is {list(up.shape)} {up.dtype}",
    )
    for size_gate, size_up in zip(gate.shape, up.shape, strict=True):
        torch._check(size_gate == size_up)
    return torch.empty_like(gate)


swiglu = define_op(
    "swiglu(Tensor gate, Tensor up) -> Tensor",
    reference=swiglu_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=2),
)
implement_on_cpu(swiglu, partial(make_elementwise_record, "swiglu"), swiglu_reference)
