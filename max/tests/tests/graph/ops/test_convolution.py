"""Convolutions and pooling against loops over their windows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import FLOATS, assert_op, make_tensor, message_of


def convolved(
    image: torch.Tensor,
    kernel: torch.Tensor,
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
) -> torch.Tensor:
    """The definition of conv2d and conv3d, [batch, sizes..., in] and [sizes..., in, out]."""
    axes = image.ndim - 2
    inner = [(padding[2 * i], image.shape[1 + i], padding[2 * i + 1]) for i in range(axes)]
    padded = image.new_zeros(image.shape[0], *(sum(p) for p in inner), image.shape[-1])
    middle = [slice(p[0], p[0] + p[1]) for p in inner]
    padded[(slice(None), *middle)] = image
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape, strict=False)]
    sizes = [(sum(p) - r) // s + 1 for p, r, s in zip(inner, reach, stride, strict=True)]
    result = image.new_zeros(image.shape[0], *sizes, kernel.shape[-1])
    place: Any
    for place in itertools.product(*map(range, sizes)):
        corner = [i * s for i, s in zip(place, stride, strict=True)]
        spans = [slice(c, c + r, d) for c, r, d in zip(corner, reach, dilation, strict=True)]
        window = padded[(slice(None), *spans)]
        result[(slice(None), *place)] = window.flatten(1) @ kernel.flatten(0, -2)
    return result


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    ("stride", "dilation", "padding"),
    [
        ((1, 1), (1, 1), (0, 0, 0, 0)),
        ((2, 1), (1, 2), (1, 1, 2, 2)),
        ((1, 2), (2, 1), (0, 1, 2, 0)),
    ],
)
def test_conv2d(
    stride: tuple[int, int], dilation: tuple[int, int], padding: tuple[int, ...], dtype: DType
) -> None:
    image, kernel = make_tensor((2, 5, 6, 3), dtype), make_tensor((2, 3, 3, 4), dtype, seed=1)
    options = stride, dilation, padding
    wanted = convolved(image.double(), kernel.double(), *options).to(image.dtype)
    rtol = 1e-2 if dtype is DType.bfloat16 else 1e-5

    def op(x: torch.Tensor, k: torch.Tensor) -> object:
        return ops.conv2d(x, k, *options)

    assert_op(op, wanted, image, kernel, static_axes=(3,), symbolic=False, rtol=rtol)


def test_conv2d_of_symbolic_images() -> None:
    image, kernel = make_tensor((2, 5, 6, 3)), make_tensor((2, 2, 3, 4), seed=1)
    bias = make_tensor((4,), seed=2)
    wanted = convolved(image, kernel, (2, 2), (1, 1), (0, 1, 0, 1)) + bias
    assert_op(
        lambda x: ops.conv2d(x, kernel, (2, 2), padding=(0, 1, 0, 1), bias=bias),
        wanted,
        image,
        static_axes=(3,),
        rtol=1e-5,
    )


def test_conv2d_in_groups() -> None:
    image, kernel = make_tensor((1, 4, 4, 4)), make_tensor((2, 2, 2, 6), seed=1)
    options = (1, 1), (1, 1), (0, 0, 0, 0)
    halves = zip(image.split(2, -1), kernel.split(3, -1), strict=True)
    wanted = torch.cat([convolved(i, k, *options) for i, k in halves], -1)
    assert_op(lambda x: ops.conv2d(x, kernel, *options, groups=2), wanted, image, symbolic=False)


def test_conv3d() -> None:
    image, kernel = make_tensor((1, 3, 4, 5, 2)), make_tensor((2, 2, 2, 2, 3), seed=1)
    options = (1, 2, 1), (1, 1, 2), (1, 0, 0, 0, 1, 1)
    wanted = convolved(image, kernel, *options)
    assert_op(lambda x: ops.conv3d(x, kernel, *options), wanted, image, symbolic=False, rtol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_pooling(dtype: DType) -> None:
    image = make_tensor((2, 4, 6, 3), dtype)
    windows = image.double().reshape(2, 2, 2, 3, 2, 3)
    wanted = windows.mean((2, 4)).to(image.dtype)
    assert_op(lambda x: ops.avg_pool2d(x, (2, 2), 2), wanted, image, static_axes=(3,), rtol=1e-2)
    wanted = windows.amax((2, 4)).to(image.dtype)
    assert_op(lambda x: ops.max_pool2d(x, (2, 2), 2), wanted, image, static_axes=(3,))


@pytest.mark.parametrize("window", [(2, 2, 0), (3, 2, 1), (2, 3, 1), (2, 3, 0)])
def test_pooling_of_windows_that_reach_over_the_edge(window: tuple[int, int, int]) -> None:
    size, stride, padding = window
    image = make_tensor((1, 5, 7, 2))
    pooled = torch.nn.functional.max_pool2d(
        image.movedim(-1, 1), size, stride, padding, ceil_mode=True
    )
    assert_op(
        lambda x: ops.max_pool2d(x, (size, size), stride, 1, padding, ceil_mode=True),
        pooled.movedim(1, -1),
        image,
        static_axes=(3,),
    )


def test_pooling_counts_the_padding_when_told() -> None:
    ones = torch.ones(1, 2, 2, 1)
    quarter = torch.full((1, 3, 3, 1), 0.25)
    quarter[:, 1], quarter[:, :, 1] = 0.5, 0.5
    quarter[:, 1, 1] = 1
    assert_op(lambda x: ops.avg_pool2d(x, (2, 2), padding=1), quarter, ones, symbolic=False)
    op = lambda x: ops.avg_pool2d(x, (2, 2), padding=1, count_boundary=False)  # noqa: E731
    assert_op(op, torch.ones(1, 3, 3, 1), ones, symbolic=False)


def test_fold_sums_what_overlaps() -> None:
    blocks = torch.ones(1, 4, 4)
    wanted = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).reshape(1, 1, 3, 3)
    assert_op(lambda x: ops.fold(x, (3, 3), (2, 2)), wanted, blocks, symbolic=False)


def test_refusals() -> None:
    image, kernel = make_tensor((1, 4, 4, 3)), make_tensor((2, 2, 3, 5))
    message = message_of(ops.conv2d, image, kernel[:, :, :2])
    assert "the filter reads 2 channels in 1 groups, x has 3" in message
    assert "takes tensors of rank 4" in message_of(ops.conv2d, image[0], kernel)
    assert "different dtypes" in message_of(ops.conv2d, image, kernel.bfloat16())
    wrong = message_of(lambda x, k: ops.conv2d(x, k, (0, 1)), image, kernel)
    assert "strides and dilations must be positive" in wrong
    assert "2 strides and dilations, 4 paddings" in message_of(
        lambda x, k: ops.conv2d(x, k, padding=(1, 1)), image, kernel
    )
    assert "takes [batch, height, width, channels]" in message_of(
        lambda x: ops.max_pool2d(x, (2, 2)), image[0]
    )
    assert "dilation must be 1" in message_of(
        lambda x: ops.avg_pool2d(x, (2, 2), dilation=2), image
    )
    assert "takes a number, or one for height and one for width" in message_of(
        lambda x: ops.max_pool2d(x, (2,)), image
    )
