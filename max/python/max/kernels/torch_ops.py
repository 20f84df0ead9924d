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
from max.kernels.add import add
from max.kernels.facts import NO_FACTS, NativeCall, OpFacts
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
    return NativeCall(add, (a, b)) if _is_tensor(a) and _is_tensor(b) else None


TORCH_FACTS: Mapping[Callable[..., Any] | Any, OpFacts] = MappingProxyType(
    {
        F.linear: _ROWS,
        F.silu: _ROWS,
        operator.add: OpFacts(row_arguments=2, native=_add),
        operator.mul: OpFacts(row_arguments=2),
        operator.getitem: _VIEW,
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
