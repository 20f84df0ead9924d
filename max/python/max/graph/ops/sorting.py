"""The order of elements, and running sums."""

from __future__ import annotations

from typing import Any

import torch

from max.dtype import DType
from max.graph.call import call, call_multiple
from max.graph.dim import StaticDim
from max.graph.ops.arguments import as_tensor, axis_of, dtype_of, fail, shape_of
from max.graph.ops.casting import restored, widened
from max.graph.tensor_value import TensorValue, TensorValueLike


def top_k(input: TensorValueLike, k: int, axis: int = -1) -> tuple[TensorValue, TensorValue]:
    """The `k` greatest elements along `axis`, greatest first.

    Returns:
        The elements, and their indices (int64); both have size `k` along `axis`.

    Raises:
        ValueError: if there are fewer than `k` elements.
    """
    return _extremes("top_k", input, k, axis, largest=True)


def bottom_k(input: TensorValueLike, k: int, axis: int = -1) -> tuple[TensorValue, TensorValue]:
    """The `k` least elements along `axis`, least first; see `top_k`."""
    return _extremes("bottom_k", input, k, axis, largest=False)


def _extremes(
    op: str, x: TensorValueLike, k: int, axis: int, *, largest: bool
) -> tuple[TensorValue, TensorValue]:
    x = as_tensor(op, x)
    shape = shape_of(x)
    at = axis_of(op, axis, len(shape), x)
    size = shape[at]
    if k < 0 or (isinstance(size, StaticDim) and k > int(size)):
        fail(op, f"k is {k}, but axis {axis} has size {size}", x)
    values, indices = call_multiple(op, torch.topk, widened(x), k, at, largest)
    return restored(values, x), indices


def argsort(x: TensorValueLike, ascending: bool = True) -> TensorValue:
    """The indices (int64) that sort a vector; equal elements stay in their order."""
    x = as_tensor("argsort", x)
    if len(shape_of(x)) != 1:
        fail("argsort", f"takes a vector, got shape {shape_of(x)}", x)
    return call("argsort", torch.argsort, widened(x), descending=not ascending, stable=True)


def cumsum(
    x: TensorValueLike, axis: int = -1, exclusive: bool = False, reverse: bool = False
) -> TensorValue:
    """Running sums along `axis`, in the dtype of `x`.

    Args:
        x: a tensor of numbers.
        axis: along which to sum.
        exclusive: an element is not part of its own sum; the first sum is 0.
        reverse: sum from the end.
    """
    x = as_tensor("cumsum", x)
    at = axis_of("cumsum", axis, len(shape_of(x)), x)
    if dtype_of(x) is DType.bool:
        fail("cumsum", "there is no arithmetic of bools: cast them", x)
    wide = widened(x)
    dtype = dtype_of(wide).to_torch()
    return restored(call("cumsum", _sums(exclusive, reverse), wide, at, dtype=dtype), x)


def _sums(exclusive: bool, reverse: bool) -> Any:
    if reverse:
        return exclusive_reverse_cumsum if exclusive else reverse_cumsum
    return exclusive_cumsum if exclusive else torch.cumsum


def exclusive_cumsum(x: torch.Tensor, axis: int, dtype: torch.dtype) -> torch.Tensor:
    """Sums of the elements before each one."""
    zero = torch.zeros_like(x.sum(axis, keepdim=True, dtype=dtype))
    return torch.cumsum(torch.cat([zero, x], axis), axis, dtype=dtype).narrow(
        axis, 0, x.shape[axis]
    )


def reverse_cumsum(x: torch.Tensor, axis: int, dtype: torch.dtype) -> torch.Tensor:
    """Sums of each element and those after it."""
    return torch.flip(torch.cumsum(torch.flip(x, [axis]), axis, dtype=dtype), [axis])


def exclusive_reverse_cumsum(x: torch.Tensor, axis: int, dtype: torch.dtype) -> torch.Tensor:
    """Sums of the elements after each one."""
    return torch.flip(exclusive_cumsum(torch.flip(x, [axis]), axis, dtype), [axis])
