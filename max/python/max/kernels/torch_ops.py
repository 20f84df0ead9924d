"""The facts of torch's own functions that graphs call; those of our ops stand beside them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from max.graph.ops.rebinding import check_shape
from max.kernels.elementwise import elementwise
from max.kernels.facts import NO_FACTS, NativeCall, OpFacts
from max.kernels.layouts import LayoutUse, Panels
from max.kernels.layouts.panels import ELEMENTS
from max.kernels.packed_embedding import rows_of_panels
from max.kernels.packed_linear import product_of_panels
from max.kernels.registry import facts_of_op

_ROWS = OpFacts(row_arguments=1)
_VIEW = OpFacts(is_view=True)


def facts_of(target: object) -> OpFacts:
    """What is known of a node's target: an op of ours, or one of torch's functions."""
    declared = facts_of_op(target)
    return TORCH_FACTS.get(target, NO_FACTS) if declared is None else declared


def _is_tensor(x: object) -> bool:
    return isinstance(x, torch.Tensor | fx.Node)


def _add(a: Any, b: Any) -> NativeCall | None:
    return NativeCall(elementwise, (a, b, "add")) if _is_tensor(a) and _is_tensor(b) else None


def _gather(layout: Panels, table: Any, index: Any) -> NativeCall | None:
    """`table[indices]`, as `ops.gather` along the first axis records it."""
    is_gather = isinstance(index, tuple) and len(index) == 1 and _is_tensor(index[0])
    dtype = ELEMENTS.get(layout.encoding)
    return rows_of_panels(layout, table, index[0], dtype) if is_gather and dtype else None


TORCH_FACTS: Mapping[Callable[..., Any] | Any, OpFacts] = MappingProxyType(
    {
        F.linear: OpFacts(
            row_arguments=1, layouts={"cpu": {1: LayoutUse(Panels, product_of_panels)}}
        ),
        F.silu: _ROWS,
        operator.add: OpFacts(row_arguments=2, native=_add),
        operator.mul: OpFacts(row_arguments=2),
        operator.getitem: OpFacts(
            is_view=True, layouts={"cpu": {0: LayoutUse(Panels, _gather, wants=False)}}
        ),
        torch.reshape: _VIEW,
        torch.flatten: _VIEW,
        torch.permute: _VIEW,
        torch.transpose: _VIEW,
        torch.unsqueeze: _VIEW,
        torch.squeeze: _VIEW,
        torch.broadcast_to: _VIEW,
        torch.split: _VIEW,
        check_shape: _VIEW,
    }
)
