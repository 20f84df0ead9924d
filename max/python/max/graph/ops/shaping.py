"""The same elements in another shape."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
import torch

from max.graph.call import call
from max.graph.dim import Dim, StaticDim
from max.graph.ops.arguments import as_tensor, axis_of, fail, shape_of
from max.graph.ops.rebinding import rebind
from max.graph.shape import Shape, ShapeLike
from max.graph.tensor_value import TensorValue, TensorValueLike


def reshape(x: TensorValueLike, shape: ShapeLike) -> TensorValue:
    """The elements of `x` in row-major order, in another shape.

    Args:
        x: a tensor.
        shape: dims with the same product; at most one may be -1, which is what remains.

    Raises:
        ValueError: if the products differ, or cannot be told to be the same.
    """
    x = as_tensor("reshape", x)
    wanted, actual = Shape(shape), shape_of(x)
    free = [d for d in wanted if d == -1]
    if len(free) > 1:
        fail("reshape", f"more than one -1 in {wanted}", x)
    rest = _product(d for d in wanted if d != -1)
    total = _product(actual)
    if free:
        quotient = _whole_quotient(total, rest)
        if quotient is None:
            fail("reshape", f"{actual} has {total} elements: {wanted} cannot hold them", x)
        if rest.free_symbols:  # torch cannot divide by a size that may be 0
            wanted = Shape(Dim.of(quotient) if d == -1 else d for d in wanted)
    if not free and rest != total:
        reason = f"{actual} has {total} elements, {wanted} has {rest}"
        if rest.free_symbols or total.free_symbols:
            reason += "; if they are equal when the model runs, say so with ops.rebind"
        fail("reshape", reason, x)
    return call("reshape", torch.reshape, x, list(wanted))


def _product(dims: ShapeLike) -> sympy.Expr:
    return sympy.expand(sympy.Mul(*(Dim(d).expr for d in dims)))


def _whole_quotient(whole: sympy.Expr, part: sympy.Expr) -> sympy.Expr | None:
    """`whole / part` if that is a whole number for all values of the symbols."""
    if part == 0:
        return None
    quotient = sympy.cancel(whole / part)
    _, denominator = sympy.fraction(sympy.together(quotient))
    return quotient if denominator == 1 else None


def flatten(x: TensorValueLike, start_dim: int = 0, end_dim: int = -1) -> TensorValue:
    """Merges the axes from `start_dim` to `end_dim`, both included, into one."""
    x = as_tensor("flatten", x)
    shape = shape_of(x)
    if not shape:
        return reshape(x, [1])
    start = axis_of("flatten", start_dim, len(shape), x)
    end = axis_of("flatten", end_dim, len(shape), x)
    if start > end:
        fail("flatten", f"start_dim {start_dim} comes after end_dim {end_dim}", x)
    return call("flatten", torch.flatten, x, start, end)


def permute(x: TensorValueLike, dims: Sequence[int]) -> TensorValue:
    """Reorders the axes: axis `i` of the result is axis `dims[i]` of `x`."""
    x = as_tensor("permute", x)
    rank = len(shape_of(x))
    axes = [axis_of("permute", d, rank, x) for d in dims]
    if sorted(axes) != list(range(rank)):
        fail("permute", f"dims {list(dims)} must name each of the {rank} axes once", x)
    return call("permute", torch.permute, x, axes)


def transpose(x: TensorValueLike, axis_1: int, axis_2: int) -> TensorValue:
    """Swaps two axes."""
    x = as_tensor("transpose", x)
    rank = len(shape_of(x))
    axes = axis_of("transpose", axis_1, rank, x), axis_of("transpose", axis_2, rank, x)
    return call("transpose", torch.transpose, x, *axes)


def unsqueeze(x: TensorValueLike, axis: int) -> TensorValue:
    """Inserts an axis of size 1 so that it is `axis` of the result."""
    x = as_tensor("unsqueeze", x)
    axis_of("unsqueeze", axis, len(shape_of(x)) + 1, x)
    return call("unsqueeze", torch.unsqueeze, x, axis)


def squeeze(x: TensorValueLike, axis: int) -> TensorValue:
    """Removes an axis of size 1.

    Raises:
        ValueError: if its size is not 1.
    """
    x = as_tensor("squeeze", x)
    shape = shape_of(x)
    at = axis_of("squeeze", axis, len(shape), x)
    if shape[at] != 1:
        fail("squeeze", f"axis {axis} has size '{shape[at]}', not 1", x)
    return call("squeeze", torch.squeeze, x, at)


def broadcast_to(
    x: TensorValueLike, shape: ShapeLike, out_dims: ShapeLike | None = None
) -> TensorValue:
    """Repeats axes of size 1, and new leading axes, up to `shape`; copies nothing.

    Args:
        x: a tensor.
        shape: of the result.
        out_dims: names for the dims of the result; those of `shape` unless given.

    Raises:
        ValueError: if an axis has another size than 1 and than that of `shape`.
    """
    x = as_tensor("broadcast_to", x)
    wanted, actual = Shape(shape), shape_of(x)
    if len(wanted) < len(actual):
        fail("broadcast_to", f"{wanted} has fewer axes than {actual}", x)
    for axis in range(-len(actual), 0):
        old, new = actual[axis], wanted[axis]
        if old == new or old == 1:
            continue
        reason = f"axis {axis} has size '{old}', which cannot become '{new}'"
        if not (isinstance(old, StaticDim) and isinstance(new, StaticDim)):
            reason += "; if they are equal when the model runs, say so with ops.rebind"
        fail("broadcast_to", reason, x)
    result = call("broadcast_to", torch.broadcast_to, x, list(wanted))
    return result if out_dims is None else rebind(result, out_dims)
