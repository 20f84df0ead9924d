"""Copies of elements: padding, tiles, repetitions; and bands of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.dtype import DType
from max.graph.call import call
from max.graph.dim import DimLike, StaticDim
from max.graph.ops.arguments import as_tensor, axis_of, fail, require_integral, shape_of
from max.graph.ops.casting import cast, restored, widened
from max.graph.ops.rebinding import rebind
from max.graph.ops.shaping import reshape
from max.graph.tensor_value import TensorValue, TensorValueLike

_PADS = ("constant", "reflect", "edge")


def pad(
    input: TensorValueLike, paddings: Sequence[int], mode: str = "constant", value: float = 0
) -> TensorValue:
    """Adds elements before and after those of each axis.

    Args:
        input: a tensor of rank n.
        paddings: 2 n numbers: before axis 0, after axis 0, before axis 1, ...
        mode: "constant" adds `value`, "edge" the axis's first and last elements, "reflect" those
            that a mirror in the first and last elements shows.
        value: for mode "constant".
    """
    x = as_tensor("pad", input)
    shape = shape_of(x)
    if mode not in _PADS:
        fail("pad", f"mode must be one of {', '.join(_PADS)}, got {mode!r}", x)
    if len(paddings) != 2 * len(shape) or any(p < 0 for p in paddings):
        need = f"{2 * len(shape)} numbers that are not negative"
        fail("pad", f"paddings of {len(shape)} axes are {need}, got {list(paddings)}", x)
    if mode == "constant":
        return call("pad", padded, x, list(paddings), value)
    for axis, size in enumerate(shape):
        widest = max(paddings[2 * axis : 2 * axis + 2])
        least = widest + 1 if mode == "reflect" else 1
        if widest and isinstance(size, StaticDim) and int(size) < least:
            fail("pad", f"axis {axis} of size {size} is too short for mode {mode}, {widest}", x)
    reflect = mode == "reflect"
    return restored(call("pad", padded_with_own, widened(x), list(paddings), reflect), x)


def padded(x: torch.Tensor, paddings: Sequence[int], value: float) -> torch.Tensor:
    """`x` with constants around it."""
    for axis in range(x.ndim):
        sizes = [list(x.shape), list(x.shape)]
        sizes[0][axis], sizes[1][axis] = paddings[2 * axis : 2 * axis + 2]
        before, after = (torch.full(s, value, dtype=x.dtype, device=x.device) for s in sizes)
        x = torch.cat([before, x, after], axis)
    return x


def padded_with_own(x: torch.Tensor, paddings: Sequence[int], reflect: bool) -> torch.Tensor:
    """`x` with elements of its own around it."""
    for axis in range(x.ndim):
        last = x.shape[axis] - 1
        before, after = paddings[2 * axis : 2 * axis + 2]
        index = torch.arange(-before, last + 1 + after, device=x.device)
        inside = last - (last - index.abs()).abs() if reflect else index.clamp(0, last)
        x = x.index_select(axis, inside)
    return x


def tile(x: TensorValueLike, repeats: Sequence[int]) -> TensorValue:
    """Repeats `x` as a whole, `repeats[i]` times along axis `i`."""
    x = as_tensor("tile", x)
    rank = len(shape_of(x))
    if len(repeats) != rank or any(r < 0 for r in repeats):
        fail("tile", f"takes {rank} numbers that are not negative, got {list(repeats)}", x)
    return call("tile", torch.tile, x, tuple(repeats))


def repeat_interleave(
    x: TensorValueLike,
    repeats: int | TensorValueLike,
    axis: int | None = None,
    out_dim: DimLike | None = None,
) -> TensorValue:
    """Repeats each element (or slice along `axis`) next to itself.

    Args:
        x: a tensor.
        repeats: how often; or a vector of integers, one for each slice.
        axis: along which; unless given, the elements are taken as a vector.
        out_dim: names the size that results; needed when `repeats` is a vector.
    """
    op = "repeat_interleave"
    x = as_tensor(op, x)
    if axis is None:
        x, axis = reshape(x, [-1]), 0
    at = axis_of(op, axis, len(shape_of(x)), x)
    if isinstance(repeats, int):
        if repeats < 0:
            fail(op, f"repeats must not be negative, got {repeats}", x)
        result = call(op, torch.repeat_interleave, x, repeats, at)
    else:
        counts = as_tensor(op, repeats)
        require_integral(op, "repeats", counts)
        if out_dim is None:
            fail(op, "give out_dim: the size is only known when the model runs", x, counts)
        result = call(op, torch.repeat_interleave, x, cast(counts, DType.int64), at)
    if out_dim is None:
        return result
    return rebind(result, [out_dim if i == at else d for i, d in enumerate(result.shape)])


def band_part(
    x: TensorValueLike,
    num_lower: int | None = None,
    num_upper: int | None = None,
    exclude: bool = False,
) -> TensorValue:
    """Keeps a band around the diagonal of matrices; the rest becomes 0.

    Args:
        x: shape [..., m, n].
        num_lower: how many diagonals below the main one belong to the band; all unless given.
        num_upper: how many above it; all unless given.
        exclude: keep what is outside of the band instead.
    """
    x = as_tensor("band_part", x)
    if len(shape_of(x)) < 2:
        fail("band_part", f"takes matrices, got shape {shape_of(x)}", x)
    if any(n is not None and n < 0 for n in (num_lower, num_upper)):
        fail("band_part", f"bands must not be negative, got {num_lower} and {num_upper}", x)
    result = call("band_part", banded, widened(x), num_lower, num_upper, exclude)
    return restored(result, x)


def banded(x: torch.Tensor, lower: int | None, upper: int | None, exclude: bool) -> torch.Tensor:
    """`band_part` of a tensor."""
    rows = torch.arange(x.shape[-2], device=x.device)[:, None]
    columns = torch.arange(x.shape[-1], device=x.device)
    inside = torch.ones(x.shape[-2:], dtype=torch.bool, device=x.device)
    if lower is not None:
        inside = inside & (rows - columns <= lower)
    if upper is not None:
        inside = inside & (columns - rows <= upper)
    return torch.where(inside ^ exclude, x, x.new_zeros(()))
