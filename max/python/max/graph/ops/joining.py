"""Joining tensors, and taking them apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from max.graph.call import call, call_multiple
from max.graph.dim import Dim, DimLike, StaticDim
from max.graph.ops.arguments import as_tensor, axis_of, common_dtype, fail, shape_of
from max.graph.tensor_value import TensorValue, TensorValueLike


def concat(original_vals: Iterable[TensorValueLike], axis: int = 0) -> TensorValue:
    """Joins tensors along an axis that they have; their other sizes are the same.

    Args:
        original_vals: one or more tensors of one dtype.
        axis: where they are joined.
    """
    tensors = _tensors("concat", original_vals)
    first = shape_of(tensors[0])
    at = axis_of("concat", axis, len(first), *tensors)
    for tensor in tensors[1:]:
        shape = shape_of(tensor)
        if len(shape) != len(first):
            fail("concat", f"ranks differ: {first} and {shape}", *tensors)
        for i, (a, b) in enumerate(zip(first, shape, strict=True)):
            if i != at and a != b:
                fail("concat", _differ(i, a, b), *tensors)
    return call("concat", torch.cat, tensors, at)


def stack(values: Iterable[TensorValueLike], axis: int = 0) -> TensorValue:
    """Joins tensors of one shape and dtype along a new axis."""
    tensors = _tensors("stack", values)
    first = shape_of(tensors[0])
    axis_of("stack", axis, len(first) + 1, *tensors)
    for tensor in tensors[1:]:
        shape = shape_of(tensor)
        if len(shape) != len(first):
            fail("stack", f"ranks differ: {first} and {shape}", *tensors)
        for i, (a, b) in enumerate(zip(first, shape, strict=True)):
            if a != b:
                fail("stack", _differ(i, a, b), *tensors)
    return call("stack", torch.stack, tensors, axis)


def _tensors(op: str, values: Iterable[TensorValueLike]) -> list[Any]:
    tensors = [as_tensor(op, v) for v in values]
    if not tensors:
        fail(op, "needs at least one tensor")
    common_dtype(op, *tensors)
    return tensors


def _differ(axis: int, a: Dim, b: Dim) -> str:
    reason = f"sizes of axis {axis} differ: '{a}' and '{b}'"
    if isinstance(a, StaticDim) and isinstance(b, StaticDim):
        return reason
    return reason + "; if they are equal when the model runs, say so with ops.rebind"


def split(x: TensorValueLike, split_sizes: Sequence[DimLike], axis: int = 0) -> list[TensorValue]:
    """Cuts `x` along an axis into parts of these sizes.

    Raises:
        ValueError: if the sizes do not add up to the axis's size.
    """
    x = as_tensor("split", x)
    shape = shape_of(x)
    at = axis_of("split", axis, len(shape), x)
    sizes = [Dim(s) for s in split_sizes]
    if not sizes:
        fail("split", "needs at least one size", x)
    if any(isinstance(s, StaticDim) and int(s) < 0 for s in sizes):
        fail("split", f"sizes {sizes} must not be negative", x)
    total = sum(sizes, Dim(0))
    if total != shape[at]:
        fail("split", f"sizes {sizes} add up to '{total}', but axis {axis} is '{shape[at]}'", x)
    return list(call_multiple("split", torch.split, x, sizes, at))


def chunk(x: TensorValueLike, chunks: int, axis: int = 0) -> list[TensorValue]:
    """Cuts `x` along an axis into `chunks` parts of the same size.

    Raises:
        ValueError: if the axis's size is symbolic, or not a multiple of `chunks`.
    """
    x = as_tensor("chunk", x)
    shape = shape_of(x)
    at = axis_of("chunk", axis, len(shape), x)
    size = shape[at]
    if not isinstance(size, StaticDim):
        fail("chunk", f"axis {axis} has the symbolic size '{size}': use ops.split", x)
    if chunks < 1 or int(size) % chunks:
        fail("chunk", f"axis {axis} of size {size} cannot be cut into {chunks} equal parts", x)
    return split(x, [int(size) // chunks] * chunks, at)
