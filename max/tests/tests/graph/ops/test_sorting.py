"""Orders and running sums against numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import Graph, TensorType, ops
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, message_of


def shuffled(shape: tuple[int, ...], dtype: DType) -> torch.Tensor:
    """Distinct numbers in random order."""
    count = int(np.prod(shape))
    order = np.random.default_rng(0).permutation(count).reshape(shape)
    return torch.as_tensor(order).to(dtype.to_torch())


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("axis", [0, -1])
def test_top_k_and_bottom_k(dtype: DType, axis: int) -> None:
    a = shuffled((4, 5), dtype)
    order = np.argsort(a.double().numpy(), axis)
    least = torch.as_tensor(np.take(order, range(3), axis))
    most = torch.as_tensor(np.take(order, range(-1, -4, -1), axis))
    wide = a.double()
    wanted = [wide.gather(axis, most).to(a.dtype), most]
    assert_op(lambda x: ops.top_k(x, 3, axis), wanted, a)
    wanted = [wide.gather(axis, least).to(a.dtype), least]
    assert_op(lambda x: ops.bottom_k(x, 3, axis), wanted, a)


def test_top_k_of_nothing() -> None:
    a = make_tensor((0, 5))
    assert_op(lambda x: ops.top_k(x, 2), [a[:, :2], torch.zeros(0, 2, dtype=torch.int64)], a)
    b = make_tensor((3, 5))
    assert_op(lambda x: ops.top_k(x, 0), [b[:, :0], torch.zeros(3, 0, dtype=torch.int64)], b)


def test_k_must_not_be_more_than_there_are() -> None:
    a = make_tensor((4, 5))
    message = message_of(lambda x: ops.top_k(x, 6), a)
    assert message.startswith("ops.top_k: k is 6, but axis -1 has size 5")
    assert "k is -1" in message_of(lambda x: ops.bottom_k(x, -1), a)
    graph = Graph("g", lambda x: ops.top_k(x, 6), [TensorType(DType.float32, ["n"], CPU())])
    with pytest.raises(RuntimeError, match=r"k out of range|index k"):
        InferenceSession().load(graph)(np.ones(5, dtype=np.float32))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_argsort(dtype: DType) -> None:
    a = shuffled((7,), dtype)
    assert_op(ops.argsort, torch.as_tensor(np.argsort(a.double().numpy())), a)
    falling = torch.as_tensor(np.argsort(-a.double().numpy()))
    assert_op(lambda x: ops.argsort(x, ascending=False), falling, a)


def test_argsort_is_stable_and_takes_vectors() -> None:
    assert_op(ops.argsort, torch.tensor([1, 3, 0, 2]), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    assert_op(ops.argsort, torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    assert "takes a vector, got shape [4, 5]" in message_of(ops.argsort, make_tensor((4, 5)))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum(dtype: DType, exclusive: bool, reverse: bool) -> None:
    a = make_tensor((3, 4), dtype, 0, 4)
    wide = np.flip(a.double().numpy(), 0) if reverse else a.double().numpy()
    sums = np.cumsum(wide, 0) - (wide if exclusive else 0)
    wanted = torch.as_tensor((np.flip(sums, 0) if reverse else sums).copy()).to(a.dtype)
    assert_op(lambda x: ops.cumsum(x, 0, exclusive, reverse), wanted, a)


def test_cumsum_of_infinity_and_of_nothing() -> None:
    a = torch.tensor([1.0, float("inf"), 2.0])
    wanted = torch.tensor([0.0, 1.0, float("inf")])
    assert_op(lambda x: ops.cumsum(x, exclusive=True), wanted, a)
    assert_op(lambda x: ops.cumsum(x, exclusive=True, reverse=True), torch.zeros(0), torch.zeros(0))
    assert "no arithmetic of bools" in message_of(ops.cumsum, a > 0)
    assert "axis 1 is out of range" in message_of(lambda x: ops.cumsum(x, 1), a)
