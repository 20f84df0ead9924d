"""Constants, ranges, and shapes as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from max.driver import CPU, Buffer
from max.dtype import DType
from max.graph import DeviceRef, Dim, Graph, TensorType, TensorValue, ops
from tests.graph.run_op import (
    FLOATS,
    INTEGERS,
    NUMBERS,
    assert_op,
    make_tensor,
    refusal,
    run_op,
)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
@pytest.mark.parametrize("value", [1, [0, 1], [[1, 0], [0, 1]]], ids=str)
def test_constants_of_numbers(value: Any, dtype: DType) -> None:
    wanted = torch.tensor(value, dtype=dtype.to_torch())
    assert_op(lambda: ops.constant(value, dtype, DeviceRef.CPU()), wanted)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1, DType.int64), (1.5, DType.float32), (True, DType.bool), ([], DType.float32)],
)
def test_numbers_tell_a_dtype(value: Any, dtype: DType) -> None:
    assert ops.constant(value).dtype is dtype


def test_constants_of_arrays() -> None:
    array = np.array([[1.5, 2.5]], dtype=np.float64)
    assert_op(lambda: ops.constant(array), torch.as_tensor(array))
    assert_op(lambda: ops.constant(array[::-1, ::-1]), torch.tensor([[2.5, 1.5]]).double())
    assert_op(lambda: ops.constant(array, DType.float32, CPU()), torch.as_tensor(array).float())
    assert_op(lambda: ops.constant(np.float32(2.5)), torch.tensor(2.5))
    half = make_tensor((3,), DType.bfloat16)
    assert_op(lambda: ops.constant(half), half)
    assert_op(lambda: ops.constant(Buffer(half), DType.float32), half.float())


def test_constants_are_values_of_the_graph() -> None:
    a = make_tensor((3,))
    table = [1, 2, 3]
    wanted = a + torch.tensor(table)
    assert_op(lambda x: x + ops.constant(table, DType.float32), wanted, a, symbolic=False)


def test_tensors_and_arrays_are_operands_themselves() -> None:
    a, table = make_tensor((3,)), make_tensor((3,), seed=1)
    wanted = a + 3 * table
    assert_op(lambda x: x + table + table.numpy() + Buffer(table), wanted, a, static_axes=(0,))
    assert_op(lambda x: table * x, a * table, a, static_axes=(0,))
    graph = Graph("g", lambda x: x + table * table, [TensorType(DType.float32, [3], CPU())])
    assert len(graph.constants) == 1


def test_constants_must_fit() -> None:
    assert "not values of int32" in refusal(lambda: ops.constant([1.5], DType.int32))
    assert "-1 does not fit uint32, [0, 4294967295]" in refusal(
        lambda: ops.constant(-1, DType.uint32)
    )
    assert "the lists are ragged" in refusal(lambda: ops.constant([[1], [1, 2]]))
    assert "expected numbers, got ['a']" in refusal(lambda: ops.constant(["a"]))
    assert "this is a value already" in refusal(lambda: ops.constant(ops.constant(1)))


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS], ids=str)
@pytest.mark.parametrize("bounds", [(0, 5), (2, 9, 3), (3, 3), (0, 1)], ids=str)
def test_ranges_are_numpys(bounds: tuple[int, ...], dtype: DType) -> None:
    wanted = torch.as_tensor(np.arange(*bounds)).to(dtype.to_torch())
    assert_op(lambda: ops.range(*bounds, dtype=dtype, device=DeviceRef.CPU()), wanted)


def test_ranges_count_down_and_by_fractions() -> None:
    assert_op(lambda: ops.range(5, 0, -2), torch.tensor([5, 3, 1]))
    assert_op(lambda: ops.range(0, 1, 0.25), torch.tensor([0, 0.25, 0.5, 0.75]))


@pytest.mark.parametrize("size", [0, 1, 5])
def test_ranges_over_symbolic_dims(size: int) -> None:
    a = make_tensor((size, 2))
    assert_op(lambda x: ops.range(0, x.shape[0], dtype=DType.int32), torch.arange(size).int(), a)
    assert_op(lambda x: ops.range(1, x.shape[0] + 1), torch.arange(1, size + 1), a)


def test_ranges_over_tensors_name_their_size() -> None:
    stop = torch.tensor(5, dtype=torch.uint32)
    wanted = torch.arange(5).to(torch.uint32)
    assert_op(lambda n: ops.range(0, n, 1, out_dim="count"), wanted, stop)
    assert "give out_dim" in refusal(lambda: ops.range(0, ops.constant(5)))
    assert "step is 0" in refusal(lambda: ops.range(0, 5, 0))
    assert "no input of the graph has a dim 'nowhere'" in refusal(
        lambda: Graph("g", lambda: ops.range(0, Dim("nowhere")))
    )


def test_shapes_are_tensors() -> None:
    a = make_tensor((4, 1, 3))
    assert_op(lambda x: ops.shape_to_tensor(x.shape), torch.tensor([4, 1, 3]), a)
    (twice,) = run_op(lambda x: ops.shape_to_tensor([x.shape[0] * 2, 7]), a)
    assert twice.tolist() == [8, 7]
    assert_op(lambda: ops.shape_to_tensor([]), torch.zeros(0, dtype=torch.int64))


@pytest.mark.parametrize("step", [2, -2])
def test_ranges_by_a_step_that_the_model_computes(step: int) -> None:
    stop, expected = (6, [1, 3, 5]) if step > 0 else (-4, [1, -1, -3])

    def counted(start: TensorValue, end: TensorValue, by: TensorValue) -> TensorValue:
        return ops.range(start, end, by, out_dim="count", dtype=DType.int64)

    bounds = (torch.tensor(1), torch.tensor(stop), torch.tensor(step))
    assert_op(counted, torch.tensor(expected), *bounds)


def test_a_dim_is_a_tensor_too() -> None:
    a = torch.zeros(3, 2)
    assert_op(lambda x: TensorValue(x.shape[0]) * 2, torch.tensor(6), a)
