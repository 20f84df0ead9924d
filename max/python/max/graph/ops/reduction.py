"""Reductions along an axis, which stays with size 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from max.dtype import DType
from max.graph.call import call
from max.graph.ops.arguments import as_tensor, axis_of, dtype_of, fail, shape_of
from max.graph.ops.arithmetic import maximum, minimum
from max.graph.ops.casting import cast, restored, widened
from max.graph.tensor_value import TensorValue, TensorValueLike


def _operand(op: str, x: TensorValueLike, axis: int, *, may_be_empty: bool) -> tuple[Any, int]:
    x = as_tensor(op, x)
    shape = shape_of(x)
    at = axis_of(op, axis, len(shape), x)
    if not may_be_empty and shape[at] == 0:
        fail(op, f"axis {axis} has size 0: there is no such element", x)
    return x, at


def _no_bools(op: str, x: Any) -> None:
    if dtype_of(x) is DType.bool:
        fail(op, "there is no arithmetic of bools: cast them", x)


def sum(x: TensorValueLike, axis: int = -1) -> TensorValue:
    """The sum along `axis`, in the dtype of `x`; 0 for no elements."""
    x, at = _operand("sum", x, axis, may_be_empty=True)
    _no_bools("sum", x)
    wide = widened(x)
    dtype = dtype_of(wide).to_torch()
    return restored(call("sum", torch.sum, wide, at, keepdim=True, dtype=dtype), x)


def prod(x: TensorValueLike, axis: int = -1) -> TensorValue:
    """The product along `axis`, in the dtype of `x`; 1 for no elements."""
    x, at = _operand("prod", x, axis, may_be_empty=True)
    _no_bools("prod", x)
    wide = widened(x)
    dtype = dtype_of(wide).to_torch()
    return restored(call("prod", torch.prod, wide, at, keepdim=True, dtype=dtype), x)


def mean(x: TensorValueLike, axis: int = -1) -> TensorValue:
    """The mean along `axis`; of integers in float32."""
    x, at = _operand("mean", x, axis, may_be_empty=True)
    _no_bools("mean", x)
    x = x if dtype_of(x).is_float() else cast(x, DType.float32)
    return call("mean", torch.mean, x, at, keepdim=True)


def max(
    x: TensorValueLike, y: TensorValueLike | None = None, /, axis: int | None = None
) -> TensorValue:
    """The greatest element along `axis` (the last unless given); or of two tensors, elementwise."""
    return _extremum("max", torch.amax, maximum, x, y, axis)


def min(
    x: TensorValueLike, y: TensorValueLike | None = None, /, axis: int | None = None
) -> TensorValue:
    """The least element along `axis` (the last unless given); or of two tensors, elementwise."""
    return _extremum("min", torch.amin, minimum, x, y, axis)


def _extremum(
    op: str,
    reduce: Callable[..., Any],
    elementwise: Callable[[TensorValueLike, TensorValueLike], TensorValue],
    x: TensorValueLike,
    y: TensorValueLike | None,
    axis: int | None,
) -> TensorValue:
    if y is not None:
        if axis is not None:
            fail(op, f"of two tensors is elementwise and takes no axis; got axis={axis}", x, y)
        return elementwise(x, y)
    x, at = _operand(op, x, -1 if axis is None else axis, may_be_empty=False)
    return restored(call(op, reduce, widened(x), at, keepdim=True), x)


def argmax(x: TensorValueLike, axis: int = -1) -> TensorValue:
    """The index (int64) of the greatest element along `axis`; the first of equal ones."""
    return _extreme_index("argmax", torch.argmax, x, axis)


def argmin(x: TensorValueLike, axis: int = -1) -> TensorValue:
    """The index (int64) of the least element along `axis`; the first of equal ones."""
    return _extreme_index("argmin", torch.argmin, x, axis)


def _extreme_index(
    op: str, target: Callable[..., Any], x: TensorValueLike, axis: int
) -> TensorValue:
    x, at = _operand(op, x, axis, may_be_empty=False)
    x = cast(x, DType.uint8) if dtype_of(x) is DType.bool else widened(x)
    return call(op, target, x, at, keepdim=True)
