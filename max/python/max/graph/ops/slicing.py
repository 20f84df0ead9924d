"""Python's indexing of tensors."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from max.dtype import DType
from max.graph.call import call
from max.graph.dim import Dim, StaticDim
from max.graph.ops.arguments import as_tensor, dtype_of, fail, require_integral, shape_of
from max.graph.ops.gathering import gather
from max.graph.ops.rebinding import rebind
from max.graph.shape import Shape
from max.graph.tensor_value import TensorValue, TensorValueLike


class _Indices(NamedTuple):
    """Indices sorted into what different ops do; axes are counted in the result of `plain`."""

    plain: list[Any]
    gathered: dict[int, Any]
    names: dict[int, Dim]


def slice_tensor(x: TensorValueLike, indices: Sequence[Any]) -> TensorValue:
    """`x[indices]`.

    Args:
        x: a tensor.
        indices: for each axis from the first on: an int or Dim (removes the axis), a slice (its
            bounds are ints or Dims, its step is positive), `(slice, out_dim)`, which names the
            resulting size, or, once, an integer tensor, whose axes replace the axis. `...` stands
            for all axes not told, `None` for a new axis of size 1. Slices are clamped to the
            axis, as in Python.

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
    plain, gathered, names = _sorted(x, shape, indices, len(shape) - len(used))
    if len(gathered) > 1:
        fail("slice_tensor", "more than one index is a tensor: use ops.gather_nd", x)
    result = call("slice_tensor", operator.getitem, x, tuple(plain))
    if names:
        result = rebind(result, [names.get(i, d) for i, d in enumerate(result.shape)])
    for axis, index in gathered.items():
        result = gather(result, index, axis)
    return result


def _sorted(
    x: Any,
    shape: Shape,
    indices: Sequence[Any],
    untold: int,
) -> _Indices:
    sorted_ = _Indices([], {}, {})
    axis, axis_of_result = 0, 0
    for index in indices:
        if index is None or index is Ellipsis:
            sorted_.plain.append(index)
            axis += 0 if index is None else untold
            axis_of_result += 1 if index is None else untold
            continue
        if isinstance(index, tuple):
            index, name = index
            sorted_.names[axis_of_result] = Dim(name)
        if isinstance(index, slice | int | Dim):
            sorted_.plain.append(_checked(x, shape[axis], axis, index))
        else:
            sorted_.plain.append(slice(None))
            sorted_.gathered[axis_of_result] = _checked_tensor(x, index)
        axis_of_result += not isinstance(index, int | Dim)
        axis += 1
    return sorted_


def _checked(x: Any, size: Dim, axis: int, index: slice | int | Dim) -> slice | int | Dim:
    if isinstance(index, slice) and isinstance(index.step, int) and index.step < 1:
        fail("slice_tensor", f"the step must be positive, got {index.step}", x)
    if isinstance(index, int) and not _is_in_range(index, size):
        fail("slice_tensor", f"index {index} is out of range of axis {axis}, size {size}", x)
    return index


def _is_in_range(index: int, size: Dim) -> bool:
    return not isinstance(size, StaticDim) or -int(size) <= index < int(size)


def _checked_tensor(x: Any, index: Any) -> Any:
    index = as_tensor("slice_tensor", index)
    if dtype_of(index) is DType.bool:
        reason = "a mask gives a size that only the run knows: use ops.nonzero and ops.gather_nd"
        fail("slice_tensor", reason, x, index)
    require_integral("slice_tensor", "an index", index)
    return index
