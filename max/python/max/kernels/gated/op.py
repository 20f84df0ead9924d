"""Schema of `max::gated`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.gated.cpu import make_gated_record
from max.kernels.gated.reference import ACTIVATIONS, gated_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(gate: torch.Tensor, up: torch.Tensor, activation: str) -> torch.Tensor:
    torch._check(
        gate.ndim == up.ndim and gate.dtype == up.dtype,
        lambda: f"gate is {list(gate.shape)} {gate.dtype}, up is {list(up.shape)} {up.dtype}",
    )
    for size_gate, size_up in zip(gate.shape, up.shape, strict=True):
        torch._check(size_gate == size_up)
    torch._check(
        activation in ACTIVATIONS,
        lambda: f"no activation '{activation}'; known: {', '.join(ACTIVATIONS)}",
    )
    return gate.new_empty(gate.shape)


gated = define_op(
    "gated(Tensor gate, Tensor up, str activation) -> Tensor",
    reference=gated_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=2),
)
implement_on_cpu(gated, make_gated_record, gated_reference)
implement_on_gpu(gated, gated_reference)
