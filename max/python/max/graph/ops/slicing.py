"""Python's indexing of tensors."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from max.dtype import DType
from max.graph.call import call
from max.graph.dim import Dim, StaticDim
from max.graph.ops.arguments import as_tensor, dtype_of, fail, shape_of
from max.graph.ops.casting import cast
from max.graph.ops.rebinding import rebind
from max.graph.shape import Shape
from max.graph.tensor_value import TensorValue, TensorValueLike


def slice_tensor(x: TensorValueLike, indices: Sequence[Any]) -> TensorValue:
    """`x[indices]`.

    Args:
        x: a tensor.
        indices: for each axis from the first on: an int (removes the axis), a slice (its bounds
            are ints or Dims, its step is positive), an integer tensor, or `(slice, out_dim)`,
            which names the resulting size. `...` stands for all axes not told, `None` for a new
            axis of size 1. Slices are clamped to the axis, as in Python.

    Raises:
        ValueError: if there are too many indices, or an int is out of range.
    """
    x = as_tensor("slice_tensor", x)
    shape = shape_of(x)
    if len(indices) == 2 and isinstance(indices[0], slice) and isinstance(indices[1], str):
        indices = [tuple(indices)]
    used = [i for i in indices if i is not None and i is not Ellipsis]
    if len(used) > len(shape):
        fail("slice_tensor", f"{len(used)} indices for {len(shape)} axes", x)
    if sum(i is Ellipsis for i in indices) > 1:
        fail("slice_tensor", "more than one '...'", x)
    plain, names = _plain_indices(x, shape, indices, len(used))
    result = call("slice_tensor", operator.getitem, x, tuple(plain))
    if not names:
        return result
    return rebind(result, [names.get(i, d) for i, d in enumerate(result.shape)])


def _plain_indices(
    x: Any,  # noqa: ANN401 - an operand
    shape: Shape,
    indices: Sequence[Any],
    used: int,
) -> tuple[list[Any], dict[int, Dim]]:
    """The indices as torch takes them, and names of axes of the result."""
    plain: list[Any] = []
    names: dict[int, Dim] = {}
    axis, axis_of_result = 0, 0
    for index in indices:
        if index is None or index is Ellipsis:
            plain.append(index)
            skipped = len(shape) - used if index is Ellipsis else 0
            axis += skipped
            axis_of_result += skipped or (index is None)
            continue
        if isinstance(index, tuple):
            index, name = index
            names[axis_of_result] = Dim(name)
        plain.append(_index(x, shape[axis], axis, index))
        axis += 1
        axis_of_result += 1 if isinstance(index, slice) else getattr(index, "rank", 0)
    return plain, names


def _index(x: Any, size: Dim, axis: int, index: Any) -> Any:  # noqa: ANN401
    if isinstance(index, slice):
        if isinstance(index.step, int) and index.step < 1:
            fail("slice_tensor", f"the step must be positive, got {index.step}", x)
        return index
    if isinstance(index, int):
        known = isinstance(size, StaticDim)
        if known and not -int(size) <= index < int(size):
            fail("slice_tensor", f"index {index} is out of range of axis {axis}, size {size}", x)
        return index
    if isinstance(index, Dim):
        return index
    index = as_tensor("slice_tensor", index)
    if dtype_of(index) is DType.bool:
        reason = "a mask gives a size that only the run knows: use ops.nonzero and ops.gather_nd"
        fail("slice_tensor", reason, x, index)
    if not dtype_of(index).is_integral():
        fail("slice_tensor", f"an index must be integers, got {dtype_of(index)}", x, index)
    return cast(index, DType.int64)
