"""Schema of `max::planes_experts`."""

from __future__ import annotations

from typing import Any

import torch

from max.kernels.experts.op import experts, takes_matrices
from max.kernels.facts import NativeCall, OpFacts
from max.kernels.layouts import ExpertPlanes, LayoutUse
from max.kernels.planes_experts.reference import planes_experts_reference
from max.kernels.registry import define_op, extend_facts, facts_of_op, implement_on_gpu

# The first of the three matrices among the arguments, and which of them are in planes.
_GATE, _ARE_IN_PLANES = 3, 9


def _fake(x: torch.Tensor, *rest: Any) -> torch.Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _in_planes(argument: int) -> Any:
    """What makes a call of `max::experts`, or of this op, one that reads a matrix in planes."""

    def call(layout: ExpertPlanes, *arguments: Any) -> NativeCall:
        placed = list(arguments[_ARE_IN_PLANES])
        placed[argument - _GATE] = True
        before, after = arguments[:_ARE_IN_PLANES], arguments[_ARE_IN_PLANES + 1 :]
        return NativeCall(planes_experts, (*before, placed, *after))

    return call


# How either op reads its matrices.
_READINGS = {i: LayoutUse(ExpertPlanes, _in_planes(i)) for i in (_GATE, _GATE + 1, _GATE + 2)}

planes_experts = define_op(
    "planes_experts(Tensor x, Tensor routes, Tensor? adapter_of_row, Tensor gate, Tensor up,"
    " Tensor down, Tensor?[] biases, Tensor[] adapters, str[] encodings, bool[] are_in_planes,"
    " int experts, int width, str activation, float limit, bool scales_input) -> Tensor",
    reference=planes_experts_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=3, layouts={"gpu": _READINGS}),
)
implement_on_gpu(planes_experts, planes_experts_reference, takes_matrices)
_of_experts = facts_of_op(experts)
assert _of_experts is not None
extend_facts(experts, layouts={**_of_experts.layouts, "gpu": _READINGS})
