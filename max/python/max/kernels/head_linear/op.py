"""Schema of `max::head_linear`."""

from __future__ import annotations

from typing import Any

import torch

from max.kernels.facts import NativeCall, OpFacts
from max.kernels.head_linear.cpu import make_head_linear_record
from max.kernels.head_linear.reference import head_linear_reference
from max.kernels.layouts import ExpertPanels, LayoutUse
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(
    x: torch.Tensor,
    weight: torch.Tensor,
    heads: int,
    in_features: int,
    out_features: int,
    encoding: str,
    is_packed: bool,
) -> torch.Tensor:
    torch._check(
        x.shape[-1] % heads == 0 and x.shape[-1] // heads >= in_features,
        lambda: f"x has {x.shape[-1]} columns, for {heads} heads of at least {in_features}",
    )
    return x.new_empty([x.shape[0], heads * out_features])


def _in_panels(layout: ExpertPanels, *arguments: Any) -> NativeCall:
    return NativeCall(head_linear, (*arguments[:-1], True))


head_linear = define_op(
    "head_linear(Tensor x, Tensor weight, int heads, int in_features, int out_features,"
    " str encoding, bool is_packed) -> Tensor",
    reference=head_linear_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1, layouts={"cpu": {1: LayoutUse(ExpertPanels, _in_panels)}}),
)
implement_on_cpu(head_linear, make_head_linear_record, head_linear_reference)
implement_on_gpu(head_linear, head_linear_reference)
