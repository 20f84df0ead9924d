"""Padding, tiles, repetitions and bands against numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, message_of


def padded(a: torch.Tensor, paddings: Sequence[int], mode: str) -> torch.Tensor:
    """numpy's padding, by float64."""
    pairs = [(paddings[i], paddings[i + 1]) for i in range(0, len(paddings), 2)]
    return torch.as_tensor(np.pad(a.double().numpy(), pairs, mode)).to(a.dtype)  # type: ignore[call-overload]


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_pad(dtype: DType, mode: str) -> None:
    a = make_tensor((4, 5), dtype)
    paddings = [1, 2, 3, 0]
    assert_op(lambda x: ops.pad(x, paddings, mode), padded(a, paddings, mode), a)


def test_pad_of_nothing_with_a_value() -> None:
    a = make_tensor((0, 2))
    wanted = torch.full((3, 2), -1.0)
    assert_op(lambda x: ops.pad(x, [1, 2, 0, 0], value=-1), wanted, a)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize("repeats", [(1, 1), (2, 3), (0, 2)])
def test_tile(dtype: DType, repeats: tuple[int, int]) -> None:
    a = make_tensor((3, 2), dtype)
    assert_op(lambda x: ops.tile(x, repeats), a.repeat(*repeats), a)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize("axis", [0, -1, None])
def test_repeat_interleave(dtype: DType, axis: int | None) -> None:
    a = make_tensor((3, 2), dtype)
    wanted = torch.as_tensor(np.repeat(a.double().numpy(), 3, axis)).to(a.dtype)
    assert_op(lambda x: ops.repeat_interleave(x, 3, axis), wanted, a)


def test_repeat_interleave_by_a_vector() -> None:
    a, counts = make_tensor((3, 2)), torch.tensor([2, 0, 3], dtype=torch.uint32)
    wanted = a[[0, 0, 2, 2, 2]]
    assert_op(lambda x, n: ops.repeat_interleave(x, n, 0, out_dim="rows"), wanted, a, counts)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize(("lower", "upper"), [(None, 0), (0, None), (1, 2), (None, None), (0, 0)])
def test_band_part(dtype: DType, lower: int | None, upper: int | None) -> None:
    a = make_tensor((2, 4, 5), dtype)
    wide = np.tril(a.double().numpy(), 9 if upper is None else upper)
    inside = torch.as_tensor(np.triu(wide, -9 if lower is None else -lower))
    assert_op(lambda x: ops.band_part(x, lower, upper), inside.to(a.dtype), a)
    outside = (a.double() - inside).to(a.dtype)
    assert_op(lambda x: ops.band_part(x, lower, upper, exclude=True), outside, a)


def test_refusals() -> None:
    a = make_tensor((4, 5))
    message = message_of(lambda x: ops.pad(x, [1, 1]), a)
    assert "paddings of 2 axes are 4 numbers that are not negative, got [1, 1]" in message
    assert "not negative" in message_of(lambda x: ops.pad(x, [1, -1, 0, 0]), a)
    assert "mode must be one of constant" in message_of(lambda x: ops.pad(x, [0] * 4, "wrap"), a)
    reflect = message_of(lambda x: ops.pad(x, [4, 0, 0, 0], "reflect"), a)
    assert "axis 0 of size 4 is too short for mode reflect, 4" in reflect
    assert "takes 2 numbers that are not negative" in message_of(lambda x: ops.tile(x, [2]), a)
    assert "give out_dim" in message_of(lambda x: ops.repeat_interleave(x, x[0], 0), a.int())
    assert "must be integers" in message_of(lambda x: ops.repeat_interleave(x, x[0], 0), a)
    assert "must not be negative" in message_of(lambda x: ops.repeat_interleave(x, -1), a)
    assert "takes matrices, got shape [4]" in message_of(lambda x: ops.band_part(x[:, 0]), a)
    assert "bands must not be negative" in message_of(lambda x: ops.band_part(x, -1), a)
