"""Gathers against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import Graph, TensorType, ops
from tests.graph.run_op import INTEGERS, NUMBERS, assert_op, make_tensor, message_of


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize("index", INTEGERS, ids=str)
def test_gather_over_dtypes(dtype: DType, index: DType) -> None:
    a, rows = make_tensor((5, 3), dtype), make_tensor((2, 4), index, 0, 5)
    assert_op(lambda x, i: ops.gather(x, i, axis=0), a[rows.long()], a, rows)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("shape", [(), (4,), (0,), (2, 1)])
def test_gather_along_axes(axis: int, shape: tuple[int, ...]) -> None:
    a, rows = make_tensor((5, 6, 7)), make_tensor(shape, DType.int64, -5, 5)
    wanted = torch.as_tensor(np.take(a.numpy(), rows.numpy(), axis))
    assert_op(lambda x, i: ops.gather(x, i, axis), wanted, a, rows)


def test_gather_out_of_range_is_an_error_of_the_run() -> None:
    types = [TensorType(DType.float32, [3, 2], CPU()), TensorType(DType.int64, ["n"], CPU())]
    model = InferenceSession().load(Graph("g", lambda x, i: ops.gather(x, i, 0), types))
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        model(np.ones((3, 2), dtype=np.float32), np.array([0, 3]))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_gather_nd(depth: int) -> None:
    a, positions = make_tensor((5, 6, 7)), make_tensor((2, 4, depth), DType.uint32, 0, 5)
    wanted = a[tuple(positions.long().unbind(-1))]
    assert_op(ops.gather_nd, wanted, a, positions, static_axes=(2,))


def test_gather_nd_in_batches() -> None:
    a, positions = make_tensor((3, 6, 7)), make_tensor((3, 4, 1), DType.int32, 0, 6)
    wanted = torch.stack([m[p[:, 0].long()] for m, p in zip(a, positions, strict=True)])
    assert_op(lambda x, i: ops.gather_nd(x, i, batch_dims=1), wanted, a, positions)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize("shape", [(3, 5), (0, 2), (4,)])
def test_nonzero(dtype: DType, shape: tuple[int, ...]) -> None:
    a = make_tensor(shape, dtype, 0, 2)
    wanted = np.argwhere(a.float().numpy())
    assert_op(lambda x: ops.nonzero(x, "found"), wanted, a)


def test_refusals() -> None:
    a, rows = make_tensor((5, 3)), make_tensor((2, 2), DType.int64, 0, 2)
    message = message_of(lambda x, i: ops.gather(x, i, 0), a, a)
    assert message.startswith("ops.gather: indices must be integers, got float32")
    assert "axis 2 is out of range" in message_of(lambda x, i: ops.gather(x, i, 2), a, rows)
    assert "indices must be integers" in message_of(ops.gather_nd, a, a)
    deep = rows.new_zeros(2, 3)
    assert "positions have 3 axes after 0, input has 2" in message_of(ops.gather_nd, a, deep)
    message = message_of(lambda x, i: ops.gather_nd(x, i, 1), a, rows[:, :1])
    assert "the first 1 sizes differ" in message
    message = message_of(lambda x, i: ops.gather_nd(x, i, 2), a, rows)
    assert "batch_dims 2 must be in [0, 1]" in message


def test_gather_nd_at_one_position() -> None:
    a, position = make_tensor((5, 6)), make_tensor((2,), DType.int64, 0, 5)
    assert_op(ops.gather_nd, a[tuple(position)], a, position, static_axes=(0,))
