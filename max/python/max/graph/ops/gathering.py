"""Reading elements at positions that a tensor tells."""

from __future__ import annotations

import operator

import torch

from max.dtype import DType
from max.graph.call import call
from max.graph.dim import DimLike, StaticDim
from max.graph.ops.arguments import (
    as_tensor,
    axis_of,
    fail,
    require_integral,
    require_same_device,
    shape_of,
)
from max.graph.ops.casting import cast, widened
from max.graph.ops.rebinding import rebind
from max.graph.ops.shaping import reshape, squeeze
from max.graph.tensor_value import TensorValue, TensorValueLike


def gather(input: TensorValueLike, indices: TensorValueLike, axis: int) -> TensorValue:
    """The slices of `input` along `axis` at `indices`.

    Args:
        input: a tensor.
        indices: integers in `[-size, size)`, of any shape.
        axis: the axis of `input` that they count along.

    Returns:
        The shape of `input` with the shape of `indices` in place of `axis`.
    """
    input, indices = as_tensor("gather", input), as_tensor("gather", indices)
    at = axis_of("gather", axis, len(shape_of(input)), input, indices)
    require_integral("gather", "indices", indices)
    require_same_device("gather", input, indices)
    indices = cast(indices, DType.int64)
    if not indices.shape:  # which torch would read on the host
        return squeeze(gather(input, indices.reshape([1]), at), at)
    return call("gather", operator.getitem, input, (*[slice(None)] * at, indices))


def gather_nd(input: TensorValueLike, indices: TensorValueLike, batch_dims: int = 0) -> TensorValue:
    """The slices of `input` at positions of several axes.

    Args:
        input: shape [batch..., axes..., rest...].
        indices: integers, shape [batch..., n..., k]; the last axis tells a position in the first
            `k` axes after the batch.
        batch_dims: how many leading axes the two share.

    Returns:
        Shape [batch..., n..., rest...].
    """
    input, indices = as_tensor("gather_nd", input), as_tensor("gather_nd", indices)
    require_integral("gather_nd", "indices", indices)
    require_same_device("gather_nd", input, indices)
    shape, where = shape_of(input), shape_of(indices)
    if not where or not isinstance(where[-1], StaticDim):
        fail("gather_nd", f"the last axis of indices must have a static size: {where}", indices)
    if not 0 <= batch_dims < len(where):
        fail("gather_nd", f"batch_dims {batch_dims} must be in [0, {len(where) - 1}]", indices)
    if batch_dims + int(where[-1]) > len(shape):
        reason = f"positions have {where[-1]} axes after {batch_dims}, input has {len(shape)}"
        fail("gather_nd", reason, input, indices)
    if shape[:batch_dims] != where[:batch_dims]:
        fail("gather_nd", f"the first {batch_dims} sizes differ: {shape} and {where}")
    if len(where) == 1:  # one position, which torch would read on the host
        return squeeze(gather_nd(input, reshape(indices, [1, where[0]])), 0)
    return call("gather_nd", gathered_nd, input, cast(indices, DType.int64), batch_dims)


def gathered_nd(x: torch.Tensor, indices: torch.Tensor, batch_dims: int) -> torch.Tensor:
    """`gather_nd` of tensors."""
    where = list(indices.unbind(-1))
    batch = []
    for axis in range(batch_dims):
        view = [1] * (indices.ndim - 1)
        view[axis] = x.shape[axis]
        batch.append(torch.arange(x.shape[axis], device=x.device).view(view))
    return x[(*batch, *where)] if batch or where else x.expand(*indices.shape[:-1], *x.shape)


def nonzero(x: TensorValueLike, out_dim: DimLike) -> TensorValue:
    """The positions of the elements that are not 0, in row-major order.

    Args:
        x: a tensor.
        out_dim: names their number, which only the run knows.

    Returns:
        int64, shape [out_dim, rank of x].
    """
    x = as_tensor("nonzero", x)
    found = call("nonzero", torch.nonzero, widened(x))
    return rebind(found, [out_dim, len(shape_of(x))])
