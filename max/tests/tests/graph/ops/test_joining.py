"""Concatenating, stacking, splitting against torch."""

from __future__ import annotations

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import Graph, TensorType, ops
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, message_of, refusal


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
def test_concat_and_stack_over_dtypes(dtype: DType) -> None:
    a, b = make_tensor((3, 5), dtype), make_tensor((3, 5), dtype, seed=1)
    assert_op(lambda x, y: ops.concat([x, y]), torch.cat([a, b]), a, b)
    assert_op(lambda x, y: ops.stack((x, y), -1), torch.stack([a, b], -1), a, b)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat_of_differing_sizes(axis: int) -> None:
    a, b = make_tensor((2, 4)), make_tensor((2, 4), seed=1).narrow(axis, 0, 1)
    empty = a.narrow(axis, 0, 0)
    parts = [a, b, empty, a]
    assert_op(lambda *values: ops.concat(values, axis), torch.cat(parts, axis), *parts)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("shape", [(2, 3), (0, 3)])
def test_stack(shape: tuple[int, ...], axis: int) -> None:
    a, b = make_tensor(shape), make_tensor(shape, seed=1)
    assert_op(lambda x, y: ops.stack([x, y], axis), torch.stack([a, b], axis), a, b)
    assert_op(lambda x: ops.concat([x], 0), a, a)


def test_parts_that_cannot_be_joined() -> None:
    a, b = make_tensor((2, 3)), make_tensor((2, 4))
    message = message_of(lambda x, y: ops.concat([x, y], 0), a, b)
    assert message.startswith("ops.concat: sizes of axis 1 differ: '3' and '4'")
    assert "sizes of axis 1 differ" in message_of(lambda x, y: ops.stack([x, y]), a, b)
    assert "ranks differ: [2, 3] and [2]" in message_of(lambda x, y: ops.concat([x, y[:, 0]]), a, b)
    message = message_of(lambda x, y: ops.concat([x, y], 1), a, b.int())
    assert "different dtypes, float32 and int32" in message
    assert "axis 2 is out of range" in message_of(lambda x: ops.concat([x], 2), a)
    assert "needs at least one tensor" in refusal(lambda: ops.concat([]))


def test_symbols_that_may_differ_are_not_joined() -> None:
    types = [TensorType(DType.float32, [s, 3], CPU()) for s in ("a", "b")]
    graph = Graph("g", lambda x, y: ops.concat([x, y]), types)
    assert graph.output_types is not None
    assert str(graph.output_types[0].shape) == "[a + b, 3]"
    message = refusal(lambda: Graph("g", lambda x, y: ops.concat([x, y], 1), types))
    assert "sizes of axis 0 differ: 'a' and 'b'; if they are equal" in message


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
def test_split(dtype: DType) -> None:
    a = make_tensor((3, 9), dtype)
    wanted = list(torch.split(a, [2, 0, 7], 1))
    assert_op(lambda x: ops.split(x, [2, 0, 7], axis=1), wanted, a, static_axes=(1,))


def test_split_at_symbolic_sizes() -> None:
    a, b = make_tensor((3, 2)), make_tensor((4, 2))

    def take_apart(x: torch.Tensor, y: torch.Tensor) -> list[object]:
        return list(ops.split(ops.concat([x, y]), [x.shape[0], y.shape[0]]))

    assert_op(take_apart, [a, b], a, b)


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_chunk(chunks: int) -> None:
    a = make_tensor((6, 2))
    wanted = list(torch.chunk(a, chunks))
    assert_op(lambda x: ops.chunk(x, chunks), wanted, a, static_axes=(0,))


def test_sizes_that_do_not_add_up() -> None:
    a = make_tensor((3, 9))
    message = message_of(lambda x: ops.split(x, [4, 4], 1), a)
    assert "add up to '8', but axis 1 is '9'" in message
    assert "must not be negative" in message_of(lambda x: ops.split(x, [10, -1], 1), a)
    assert "cannot be cut into 2 equal parts" in message_of(lambda x: ops.chunk(x, 2, 1), a)
    assert "needs at least one size" in message_of(lambda x: ops.split(x, []), a)
    symbolic = [TensorType(DType.float32, ["n"], CPU())]
    message = refusal(lambda: Graph("g", lambda x: ops.chunk(x, 2), symbolic))
    assert "axis 0 has the symbolic size 'n': use ops.split" in message
