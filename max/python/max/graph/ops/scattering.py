"""Writing elements at positions that a tensor tells; the result is a new tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from max.dtype import DType
from max.graph.call import call
from max.graph.dim import DimLike, StaticDim
from max.graph.ops.arguments import (
    as_tensor,
    axis_of,
    broadcast_shape,
    common_dtype,
    dtype_of,
    fail,
    require_integral,
    shape_of,
)
from max.graph.ops.casting import cast, restored, widened
from max.graph.ops.shaping import broadcast_to
from max.graph.tensor_value import TensorValue, TensorValueLike


def scatter(
    input: TensorValueLike, updates: TensorValueLike, indices: TensorValueLike, axis: int = -1
) -> TensorValue:
    """`input` with `updates` at the positions `indices` along `axis`.

    Args:
        input: a tensor.
        updates: the same dtype; the shape of `indices`.
        indices: integers in `[-size, size)`, of the rank of `input`. Where two name one position,
            either update may win.
        axis: the axis that `indices` count along; the other axes' positions are the update's own.
    """
    return _scattered("scatter", scattered, input, updates, indices, axis)


def scatter_add(
    input: TensorValueLike, updates: TensorValueLike, indices: TensorValueLike, axis: int = -1
) -> TensorValue:
    """`scatter` that adds the updates to the elements."""
    return _scattered("scatter_add", scatter_added, input, updates, indices, axis)


def _scattered(
    op: str,
    target: Callable[..., Any],
    input: TensorValueLike,
    updates: TensorValueLike,
    indices: TensorValueLike,
    axis: int,
) -> TensorValue:
    x, new, where = (as_tensor(op, t) for t in (input, updates, indices))
    common_dtype(op, x, new)
    require_integral(op, "indices", where)
    at = axis_of(op, axis, len(shape_of(x)), x, new, where)
    if shape_of(new) != shape_of(where) or len(shape_of(where)) != len(shape_of(x)):
        fail(op, "updates and indices must have one shape, of the rank of input", x, new, where)
    where = cast(where, DType.int64)
    return restored(call(op, target, widened(x), widened(new), where, at), x)


def scattered(
    x: torch.Tensor, updates: torch.Tensor, indices: torch.Tensor, axis: int
) -> torch.Tensor:
    """`scatter` of tensors."""
    return x.scatter(axis, indices % x.shape[axis], updates)


def scatter_added(
    x: torch.Tensor, updates: torch.Tensor, indices: torch.Tensor, axis: int
) -> torch.Tensor:
    """`scatter_add` of tensors."""
    return x.scatter_add(axis, indices % x.shape[axis], updates)


def scatter_nd(
    input: TensorValueLike, updates: TensorValueLike, indices: TensorValueLike
) -> TensorValue:
    """`input` with slices replaced by `updates`.

    Args:
        input: shape [axes..., rest...].
        updates: the same dtype, shape [n..., rest...].
        indices: integers, shape [n..., k]; the last axis tells a position in the first `k` axes.
    """
    x, new, where = (as_tensor("scatter_nd", t) for t in (input, updates, indices))
    common_dtype("scatter_nd", x, new)
    require_integral("scatter_nd", "indices", where)
    positions = shape_of(where)
    if not positions or not isinstance(positions[-1], StaticDim):
        fail("scatter_nd", f"the last axis of indices must have a static size: {positions}", where)
    wanted = [*positions[:-1], *shape_of(x)[int(positions[-1]) :]]
    if shape_of(new) != wanted:
        reason = f"updates must have the shape [{', '.join(map(str, wanted))}]"
        fail("scatter_nd", f"{reason}, got {shape_of(new)}", x, new, where)
    where = cast(where, DType.int64)
    return restored(call("scatter_nd", scattered_nd, widened(x), widened(new), where), x)


def scattered_nd(x: torch.Tensor, updates: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """`scatter_nd` of tensors."""
    return x.index_put(tuple(indices.unbind(-1)), updates)


def masked_scatter(
    input: TensorValueLike,
    mask: TensorValueLike,
    updates: TensorValueLike,
    out_dim: DimLike | None = None,
) -> TensorValue:
    """`input` with the elements where `mask` is true replaced by those of `updates`, in order.

    Args:
        input: a tensor.
        mask: bools that broadcast to the shape of `input`.
        updates: the same dtype as `input`; at least as many elements as `mask` has true ones,
            which is checked when the model runs.
        out_dim: the documented name of the number of true elements; no size of a result has it.
    """
    x, chosen, new = (as_tensor("masked_scatter", t) for t in (input, mask, updates))
    common_dtype("masked_scatter", x, new)
    if dtype_of(chosen) is not DType.bool:
        fail("masked_scatter", f"the mask must be bools, got {dtype_of(chosen)}", x, chosen, new)
    if broadcast_shape("masked_scatter", x, chosen) != shape_of(x):
        fail("masked_scatter", "the mask has more axes or greater ones than input", x, chosen)
    chosen = broadcast_to(chosen, shape_of(x))
    result = call("masked_scatter", torch.masked_scatter, widened(x), chosen, widened(new))
    return restored(result, x)
