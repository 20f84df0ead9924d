"""Reshapes, permutations and broadcasts against torch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import Dim, Graph, TensorType, ops
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, message_of, refusal

CPU_FLOATS = [TensorType(DType.float32, ["batch", "seq", 12], CPU())]


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
def test_reshape_over_dtypes(dtype: DType) -> None:
    a = make_tensor((4, 6), dtype)
    assert_op(lambda x: x.reshape([-1, 3]), a.reshape(-1, 3), a, static_axes=(1,))


@pytest.mark.parametrize(
    ("shape", "new"),
    [
        ((4, 6), [24]),
        ((4, 6), [2, -1]),
        ((0, 6), [0, 3, 2]),
        ((), [1, 1]),
        ((1,), []),
        ((0,), [-1]),
    ],
    ids=str,
)
def test_reshape(shape: tuple[int, ...], new: list[int]) -> None:
    a = make_tensor(shape)
    assert_op(lambda x: ops.reshape(x, new), a.reshape(new), a, symbolic=False)


def test_reshape_of_strided_tensors_copies() -> None:
    a = make_tensor((4, 6, 2))
    wanted = a.permute(1, 0, 2).reshape(6, 8)
    assert_op(lambda x: x.permute([1, 0, 2]).reshape([x.shape[1], -1]), wanted, a, static_axes=(2,))


@pytest.mark.parametrize(
    ("new", "result"),
    [
        ([-1, 12], ["batch*seq", 12]),
        (["batch", -1, 3, 4], ["batch", "seq", 3, 4]),
        (["batch", -1], ["batch", "12*seq"]),
        ([Dim("batch") * "seq", 12], ["batch*seq", 12]),
        ([-1], ["12*batch*seq"]),
        ([2, "seq", 6, "batch"], [2, "seq", 6, "batch"]),
    ],
    ids=str,
)
def test_reshape_of_symbolic_dims(new: list[int | str], result: list[int | str]) -> None:
    graph = Graph("g", lambda x: x.reshape(new), CPU_FLOATS)
    assert graph.output_types is not None
    assert [str(d) for d in graph.output_types[0].shape] == [str(d) for d in result]


def test_reshapes_that_cannot_fit() -> None:
    a = make_tensor((4, 6))
    message = message_of(lambda x: x.reshape([5, 5]), a)
    assert message.startswith("ops.reshape: [4, 6] has 24 elements, [5, 5] has 25")
    assert "[-1, 5] cannot hold them" in message_of(lambda x: x.reshape([-1, 5]), a)
    assert "more than one -1" in message_of(lambda x: x.reshape([-1, -1]), a)
    assert "cannot hold them" in message_of(lambda x: x.reshape([0, -1]), make_tensor((0, 6)))


def test_reshapes_that_may_not_fit() -> None:
    message = refusal(lambda: Graph("g", lambda x: x.reshape([-1, 5]), CPU_FLOATS))
    assert "[batch, seq, 12] has 12*batch*seq elements: [-1, 5] cannot hold them" in message
    message = refusal(lambda: Graph("g", lambda x: x.reshape(["batch", 8, 12]), CPU_FLOATS))
    assert "say so with ops.rebind" in message


@pytest.mark.parametrize(("start", "end"), [(0, -1), (1, 2), (1, 1), (-2, -1)])
def test_flatten(start: int, end: int) -> None:
    a = make_tensor((2, 3, 4))
    assert_op(lambda x: x.flatten(start, end), a.flatten(start, end), a)
    empty = make_tensor((2, 0, 4))
    assert_op(lambda x: ops.flatten(x, start, end), empty.flatten(start, end), empty)


def test_flatten_of_a_scalar_and_backwards() -> None:
    assert_op(ops.flatten, torch.ones(1), torch.tensor(1.0))
    message = message_of(lambda x: x.flatten(2, 1), make_tensor((2, 3, 4)))
    assert "start_dim 2 comes after end_dim 1" in message


@pytest.mark.parametrize("dims", [(0, 1, 2), (2, 0, 1), (-1, 0, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 1, 5)])
def test_permute(dims: Sequence[int], shape: tuple[int, ...]) -> None:
    a = make_tensor(shape)
    assert_op(lambda x: x.permute(dims), a.permute(*dims), a)


def test_permute_wants_each_axis_once() -> None:
    a = make_tensor((2, 3, 4))
    assert "must name each of the 3 axes once" in message_of(lambda x: x.permute([0, 0, 1]), a)
    assert "must name each" in message_of(lambda x: x.permute([0, 1]), a)
    assert "axis 3 is out of range; allowed: [-3, 2]" in message_of(
        lambda x: x.permute([0, 1, 3]), a
    )


def test_transpose() -> None:
    a = make_tensor((2, 3, 4), DType.uint32)
    assert_op(lambda x: x.transpose(0, -1), a.transpose(0, -1), a)
    assert_op(lambda x: x.T, a.mT, a)
    assert "axis 7 is out of range" in message_of(lambda x: x.transpose(0, 7), a)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_unsqueeze_and_squeeze(axis: int) -> None:
    a = make_tensor((2, 3))
    assert_op(lambda x: ops.unsqueeze(x, axis), a.unsqueeze(axis), a)
    assert_op(lambda x: ops.squeeze(ops.unsqueeze(x, axis), axis), a, a)


def test_squeeze_wants_size_1() -> None:
    a = make_tensor((2, 3))
    assert "ops.squeeze: axis 1 has size '3', not 1" in message_of(lambda x: ops.squeeze(x, 1), a)
    message = refusal(lambda: Graph("g", lambda x: ops.squeeze(x, 0), CPU_FLOATS))
    assert "axis 0 has size 'batch', not 1" in message
    assert "axis 4 is out of range; allowed: [-3, 2]" in message_of(
        lambda x: ops.unsqueeze(x, 4), a
    )


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
def test_broadcast_to(dtype: DType) -> None:
    a = make_tensor((3, 1), dtype)
    assert_op(lambda x: x.broadcast_to([2, x.shape[0], 4]), a.broadcast_to(2, 3, 4), a)
    assert_op(lambda x: x.broadcast_to([3, 0]), a.broadcast_to(3, 0), a, symbolic=False)


def test_broadcasts_that_cannot_be() -> None:
    a = make_tensor((3, 2))
    message = message_of(lambda x: x.broadcast_to([3, 4]), a)
    assert "axis -1 has size '2', which cannot become '4'" in message
    assert "[2] has fewer axes than [3, 2]" in message_of(lambda x: x.broadcast_to([2]), a)
    message = refusal(lambda: Graph("g", lambda x: x.broadcast_to(["batch", 4, 12]), CPU_FLOATS))
    assert "axis -2 has size 'seq', which cannot become '4'; if they are equal" in message
