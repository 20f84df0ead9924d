"""Schema of `max::experts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from max.kernels.experts.cpu import make_experts_record
from max.kernels.experts.reference import SWISH_PLUS_ONE, experts_reference
from max.kernels.facts import NativeCall, OpFacts
from max.kernels.gated.reference import ACTIVATIONS
from max.kernels.layouts import ExpertPanels, LayoutUse
from max.kernels.layouts.panels import Panels
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu

# The first of the three matrices among the arguments, and where two lists about them are.
_GATE, _ENCODINGS, _ARE_PACKED = 3, 8, 9


def _fake(
    x: torch.Tensor,
    routes: torch.Tensor,
    adapter_of_row: torch.Tensor | None,
    gate: torch.Tensor,
    up: torch.Tensor,
    down: torch.Tensor,
    biases: Sequence[torch.Tensor | None],
    adapters: Sequence[torch.Tensor],
    encodings: Sequence[str],
    are_packed: Sequence[bool],
    experts: int,
    width: int,
    activation: str,
    limit: float,
    scales_input: bool,
) -> torch.Tensor:
    known = (*ACTIVATIONS, SWISH_PLUS_ONE)
    torch._check(
        activation in known, lambda: f"no activation '{activation}'; known: {', '.join(known)}"
    )
    for stack, is_packed in zip((gate, up, down), are_packed, strict=True):
        torch._check(
            is_packed or stack.shape[0] == experts,
            lambda s=stack: f"there are {experts} experts; a matrix of them is {list(s.shape)}",
        )
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _in_panels(argument: int) -> Any:
    """The call that reads one matrix in panels."""

    def call(layout: ExpertPanels, *arguments: Any) -> NativeCall | None:
        encodings = arguments[_ENCODINGS]
        is_one_way = Panels(0, 0, encodings[0]).way == Panels(0, 0, encodings[1]).way
        if not is_one_way:
            return None
        packed = list(arguments[_ARE_PACKED])
        packed[argument - _GATE] = True
        return NativeCall(
            experts, (*arguments[:_ARE_PACKED], packed, *arguments[_ARE_PACKED + 1 :])
        )

    return call


def takes_matrices(*arguments: Any) -> bool:
    """Whether the kernel of a GPU reads the matrices: blocks as in a file it does not."""
    return not any(arguments[i].dtype == torch.uint8 and arguments[i].ndim == 3 for i in _MATRICES)


_MATRICES = (_GATE, _GATE + 1, _GATE + 2)
experts = define_op(
    "experts(Tensor x, Tensor routes, Tensor? adapter_of_row, Tensor gate, Tensor up, Tensor down,"
    " Tensor?[] biases, Tensor[] adapters, str[] encodings, bool[] are_packed, int experts,"
    " int width, str activation, float limit, bool scales_input) -> Tensor",
    reference=experts_reference,
    fake=_fake,
    facts=OpFacts(
        row_arguments=3,
        layouts={"cpu": {i: LayoutUse(ExpertPanels, _in_panels(i)) for i in _MATRICES}},
    ),
)
implement_on_cpu(experts, make_experts_record, experts_reference)
implement_on_gpu(experts, experts_reference, takes_matrices)
