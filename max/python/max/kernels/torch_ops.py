"""The facts of torch's own functions that graphs call; those of our ops stand beside them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F

from max.graph.ops.rebinding import check_shape
from max.kernels.facts import NO_FACTS, NativeCall, OpFacts
from max.kernels.gather_rows import gather_rows
from max.kernels.layouts import LayoutUse, Panels
from max.kernels.layouts.panels import ELEMENTS
from max.kernels.packed_embedding import rows_of_panels
from max.kernels.packed_linear import product_of_panels
from max.kernels.registry import facts_of_op
from max.kernels.torch_arithmetic import ARITHMETIC, is_float_tensor, is_tensor

_VIEW = OpFacts(is_view=True)


def facts_of(target: object) -> OpFacts:
    """What is known of a node's target: an op of ours, or one of torch's functions."""
    declared = facts_of_op(target)
    return TORCH_FACTS.get(target, NO_FACTS) if declared is None else declared


def _index_of_rows(index: Any) -> Any:
    """The indices of `table[indices]`, as `ops.gather` along the first axis records it, or None."""
    is_gather = isinstance(index, tuple) and len(index) == 1 and is_tensor(index[0])
    return index[0] if is_gather else None


def _gather(layout: Panels, table: Any, index: Any) -> NativeCall | None:
    indices, dtype = _index_of_rows(index), ELEMENTS.get(layout.encoding)
    if indices is None or dtype is None:
        return None
    return rows_of_panels(layout, table, indices, dtype)


def _rows(table: Any, index: Any) -> NativeCall | None:
    indices = _index_of_rows(index)
    if indices is None or not is_float_tensor(table):
        return None
    return NativeCall(gather_rows, (table, indices))


TORCH_FACTS: Mapping[Callable[..., Any] | Any, OpFacts] = MappingProxyType(
    {
        **ARITHMETIC,
        F.linear: OpFacts(
            row_arguments=1, layouts={"cpu": {1: LayoutUse(Panels, product_of_panels)}}
        ),
        operator.getitem: OpFacts(
            is_view=True,
            native=_rows,
            layouts={"cpu": {0: LayoutUse(Panels, _gather, wants=False)}},
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
