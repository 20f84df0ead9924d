"""Convolutions and pooling of images, channels last, as MAX lays them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from max.graph.call import call
from max.graph.dim import Dim, DimLike
from max.graph.ops.arguments import as_tensor, common_dtype, fail, require_float, shape_of
from max.graph.ops.repeating import padded
from max.graph.tensor_value import TensorValue, TensorValueLike


def conv2d(
    x: TensorValueLike,
    filter: TensorValueLike,
    stride: Sequence[int] = (1, 1),
    dilation: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0, 0, 0),
    groups: int = 1,
    bias: TensorValueLike | None = None,
) -> TensorValue:
    """Cross-correlation of images with filters.

    Args:
        x: floating point, shape [batch, height, width, channels].
        filter: the same dtype, shape [height, width, channels / groups, out_channels].
        stride: steps of the filter along height and width.
        dilation: distances of the filter's elements.
        padding: zeros before and after the height, before and after the width.
        groups: into how many groups the channels are cut.
        bias: shape [out_channels]; none unless given.

    Returns:
        Shape [batch, out_height, out_width, out_channels].
    """
    return _conv("conv2d", 2, x, filter, stride, dilation, padding, groups, bias)


def conv3d(
    x: TensorValueLike,
    filter: TensorValueLike,
    stride: Sequence[int] = (1, 1, 1),
    dilation: Sequence[int] = (1, 1, 1),
    padding: Sequence[int] = (0, 0, 0, 0, 0, 0),
    groups: int = 1,
    bias: TensorValueLike | None = None,
) -> TensorValue:
    """`conv2d` with a depth before the height: shape [batch, depth, height, width, channels]."""
    return _conv("conv3d", 3, x, filter, stride, dilation, padding, groups, bias)


def _conv(
    op: str,
    axes: int,
    x: TensorValueLike,
    filter: TensorValueLike,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    groups: int,
    bias: TensorValueLike | None,
) -> TensorValue:
    operands = [as_tensor(op, x), as_tensor(op, filter)]
    if bias is not None:
        operands.append(as_tensor(op, bias))
    common_dtype(op, *operands)
    require_float(op, *operands)
    image, kernel = shape_of(operands[0]), shape_of(operands[1])
    if len(image) != axes + 2 or len(kernel) != axes + 2:
        fail(op, f"takes tensors of rank {axes + 2}, got {image} and {kernel}", *operands)
    if image[-1] != kernel[-2] * groups:
        reason = f"the filter reads {kernel[-2]} channels in {groups} groups, x has {image[-1]}"
        fail(op, reason, *operands)
    if len(stride) != axes or len(dilation) != axes or len(padding) != 2 * axes:
        fail(op, f"takes {axes} strides and dilations, {2 * axes} paddings", *operands)
    if any(p < 0 for p in padding) or min(*stride, *dilation) < 1:
        reason = "strides and dilations must be positive, paddings not negative"
        fail(op, f"{reason}: {list(stride)}, {list(dilation)}, {list(padding)}", *operands)
    tensors = [*operands, None][:3]
    options = list(stride), list(dilation), list(padding), groups
    return call(op, convolved, *tensors, *options)


def convolved(
    x: torch.Tensor,
    filter: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """A convolution with channels last, by torch's with channels first."""
    axes = x.ndim - 2
    image = x.movedim(-1, 1)
    kernel = filter.permute(axes + 1, axes, *range(axes))
    before, after = padding[::2], padding[1::2]
    same = list(before) == list(after)
    if not same:
        image = padded(image, [0, 0, 0, 0, *padding], 0)
    function: Callable[..., torch.Tensor] = F.conv2d if axes == 2 else F.conv3d
    zeros = list(before) if same else [0] * axes
    result = function(image, kernel, bias, stride, zeros, dilation, groups)
    return result.movedim(1, -1)


def avg_pool2d(
    input: TensorValueLike,
    kernel_size: Sequence[DimLike],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_boundary: bool = True,
) -> TensorValue:
    """Means of windows.

    Args:
        input: floating point, shape [batch, height, width, channels].
        kernel_size: height and width of a window.
        stride: steps of the window; one number, or one for each of height and width.
        dilation: must be 1.
        padding: zeros on both sides of height and width, likewise.
        ceil_mode: windows may start inside and end outside.
        count_boundary: count the padding's zeros as elements.
    """
    if _pair("avg_pool2d", dilation) != [1, 1]:
        fail("avg_pool2d", f"dilation must be 1, got {dilation}", input)
    size, step, zeros = (_pair("avg_pool2d", v) for v in (kernel_size, stride, padding))
    x = _image("avg_pool2d", input)
    shape = _pooled_shape(shape_of(x), size, step, zeros, [1, 1], ceil_mode)
    options = (size, step, zeros, ceil_mode, count_boundary)
    return call("avg_pool2d", averages, x, *options, result_shape=shape)


def averages(x: torch.Tensor, *options: Any) -> torch.Tensor:
    """`F.avg_pool2d` with channels last."""
    pooled: torch.Tensor = F.avg_pool2d(x.movedim(-1, 1), *options)
    return pooled.movedim(1, -1)


def max_pool2d(
    input: TensorValueLike,
    kernel_size: Sequence[DimLike],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
) -> TensorValue:
    """Greatest elements of windows; see `avg_pool2d`, and `dilation`: distances in a window."""
    values = (kernel_size, stride, padding, dilation)
    size, step, zeros, spread = (_pair("max_pool2d", v) for v in values)
    x = _image("max_pool2d", input)
    shape = _pooled_shape(shape_of(x), size, step, zeros, spread, ceil_mode)
    options = (size, step, zeros, spread, ceil_mode)
    return call("max_pool2d", maxima, x, *options, result_shape=shape)


def maxima(x: torch.Tensor, *options: Any) -> torch.Tensor:
    """`F.max_pool2d` with channels last."""
    pooled: torch.Tensor = F.max_pool2d(x.movedim(-1, 1), *options)
    return pooled.movedim(1, -1)


def fold(
    input: TensorValueLike,
    output_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
) -> TensorValue:
    """Sums sliding blocks back into an image: the transpose of cutting it into them.

    Args:
        input: floating point, shape [batch, channels * kernel height * kernel width, blocks].
        output_size: height and width of the image.
        kernel_size: height and width of a block.
        stride: steps from block to block; one number, or one for each of height and width.
        dilation: distances of a block's elements, likewise.
        padding: zeros on both sides of the image, likewise.

    Returns:
        Shape [batch, channels, height, width].
    """
    x = as_tensor("fold", input)
    require_float("fold", x)
    values = (output_size, kernel_size, dilation, padding, stride)
    return call("fold", F.fold, x, *(_pair("fold", v) for v in values))


def _pooled_shape(
    shape: Sequence[Dim],
    size: Sequence[int],
    step: Sequence[int],
    zeros: Sequence[int],
    spread: Sequence[int],
    ceil_mode: bool = False,
) -> list[Dim]:
    """[batch, height, width, channels] after windows that lie inside the padded image, or, with
    `ceil_mode`, begin in it before the last zeros."""
    batch, *image, channels = shape
    pooled: list[Dim] = []
    for n, k, s, z, d in zip(image, size, step, zeros, spread, strict=True):
        over = 2 * z - d * (k - 1) - 1  # what a window that begins at 0 leaves of n
        if ceil_mode:  # both bounds are of the form (n + a) // s
            pooled.append((n + min(over + s, z) + s - 1) // s)
        else:
            pooled.append((n + over) // s + 1)
    return [batch, *pooled, channels]


def _image(op: str, x: TensorValueLike) -> Any:
    x = as_tensor(op, x)
    require_float(op, x)
    if len(shape_of(x)) != 4:
        fail(op, f"takes [batch, height, width, channels], got {shape_of(x)}", x)
    return x


def _pair(op: str, value: int | Sequence[DimLike]) -> list[int]:
    pair = [value, value] if isinstance(value, int) else [int(v) for v in value]
    if len(pair) != 2:
        fail(op, f"takes a number, or one for height and one for width; got {value}")
    return pair
