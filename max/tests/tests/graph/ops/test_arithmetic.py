"""Arithmetic against numpy, over dtypes and shapes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import Graph, TensorType, TensorValue, ops
from tests.graph.run_op import (
    FLOATS,
    INTEGERS,
    NUMBERS,
    Elements,
    assert_elementwise,
    assert_op,
    by_numpy,
    make_tensor,
    message_of,
    refusal,
    run_op,
)

Op = Callable[..., Any]

BINARY: list[tuple[Op, Op]] = [
    (ops.add, np.add),
    (ops.sub, np.subtract),
    (ops.mul, np.multiply),
    (ops.floor_div, np.floor_divide),
    (ops.mod, np.mod),
    (ops.maximum, np.maximum),
    (ops.minimum, np.minimum),
    (ops.max, np.maximum),
    (ops.min, np.minimum),
]


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize(("op", "function"), BINARY)
def test_binary_ops_are_numpys(op: Op, function: Op, dtype: DType) -> None:
    assert_elementwise(op, by_numpy(function), Elements(dtype, 0, 9), Elements(dtype, 1, 5))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_div_and_pow(dtype: DType) -> None:
    operand = Elements(dtype, 1, 4)
    assert_elementwise(ops.div, by_numpy(np.divide), operand, operand)
    rtol = 1e-2 if dtype is DType.bfloat16 else 1e-6
    assert_elementwise(ops.pow, by_numpy(np.power), operand, operand, rtol=rtol)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_pow_of_integers(dtype: DType) -> None:
    operand = Elements(dtype, 0, 5)
    assert_elementwise(ops.pow, by_numpy(np.power), operand, operand)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_negate_and_abs(dtype: DType) -> None:
    operand = Elements(dtype, 0 if dtype is DType.uint32 else -9, 9)
    assert_elementwise(ops.negate, by_numpy(np.negative), operand)
    assert_elementwise(ops.abs, by_numpy(np.abs), operand)


@pytest.mark.parametrize("dtype", [DType.uint16, DType.uint32], ids=str)
def test_unsigned_sums_wrap(dtype: DType) -> None:
    top = torch.iinfo(dtype.to_torch()).max
    a = torch.tensor([top, 0], dtype=dtype.to_torch())
    assert_op(lambda x: x + 2, torch.tensor([1, 2], dtype=dtype.to_torch()), a)
    assert_op(lambda x: x - 1, torch.tensor([top - 1, top], dtype=dtype.to_torch()), a)


def test_uint64_sums_wrap() -> None:
    a = torch.tensor([2**64 - 1, 1], dtype=torch.uint64)
    assert_op(lambda x: x + 2, torch.tensor([1, 3], dtype=torch.uint64), a)


OPERATORS: list[Op] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
]


@pytest.mark.parametrize("function", OPERATORS)
def test_operators_take_numbers_on_either_side(function: Op) -> None:
    a = make_tensor((2, 3), low=1, high=4)
    wide = a.numpy()
    assert_op(lambda x: function(x, 2), function(wide, np.float32(2)), a, rtol=1e-6)
    assert_op(lambda x: function(2, x), function(np.float32(2), wide), a, rtol=1e-6)
    assert_op(lambda x: function(x, np.float32(2)), function(wide, np.float32(2)), a, rtol=1e-6)


def test_a_number_takes_the_tensors_dtype() -> None:
    half = make_tensor((2,), DType.bfloat16)
    (result,) = run_op(lambda x: x * 0.1 + 1, half)
    assert result.dtype is torch.bfloat16


def test_shapes_broadcast() -> None:
    a, b = make_tensor((4, 1, 3)), make_tensor((5, 1), seed=1)
    assert_op(ops.add, a + b, a, b)
    assert_op(ops.add, b + a, b, a)
    assert_op(ops.maximum, torch.maximum(a, b), a, b)


def test_extrema_with_numbers() -> None:
    a = make_tensor((3, 4))
    assert_op(lambda x: ops.max(x, 3.0), torch.clamp_min(a, 3), a)
    assert_op(lambda x: ops.max(3.0, x), torch.clamp_min(a, 3), a)
    assert_op(lambda x: ops.min(x, 3), torch.clamp_max(a, 3), a)


def test_a_symbolic_dim_is_a_number() -> None:
    a = make_tensor((3, 4))
    graph = Graph("g", lambda x: x * x.shape[0], [TensorType(DType.float32, ["n", 4], CPU())])
    assert graph.output_types is not None
    assert graph.output_types[0].shape == ["n", 4]
    assert_op(lambda x: x * x.shape[0], a * 3, a)


def test_symbols_that_may_differ_do_not_broadcast() -> None:
    types = [TensorType(DType.float32, ["a", 4], CPU()), TensorType(DType.float32, ["b", 4], CPU())]
    message = refusal(lambda: Graph("g", lambda x, y: x + y, types))
    assert message.startswith("ops.add: cannot broadcast axis -2: sizes 'a' and 'b' differ")
    assert "ops.rebind" in message
    number = TensorType(DType.float32, [2, 4], CPU())
    assert "sizes 'a' and '2' differ" in refusal(lambda: Graph("g", ops.add, [types[0], number]))


def test_symbols_that_may_differ_are_added_after_rebind() -> None:
    types = [TensorType(DType.float32, ["a", 4], CPU()), TensorType(DType.float32, ["b", 4], CPU())]
    graph = Graph("g", lambda x, y: x + y.rebind(["a", 4]), types)
    assert graph.output_types is not None
    assert graph.output_types[0].shape == ["a", 4]


def test_errors_name_the_op_the_operands_and_the_line() -> None:
    a, b = make_tensor((3, 5)), make_tensor((4, 5))
    message = message_of(lambda x, y: x + y, a, b)
    assert message.startswith("ops.add: cannot broadcast axis -2: sizes '3' and '4' differ\n")
    assert "operand 0: TensorValue(float32, [3, 5], cpu:0)" in message
    assert "operand 1: TensorValue(float32, [4, 5], cpu:0)" in message
    assert "message_of(lambda x, y: x + y, a, b)" in message


def test_dtypes_do_not_mix() -> None:
    a, b = make_tensor((3,)), make_tensor((3,), DType.int32)
    assert "different dtypes, float32 and int32: cast one" in message_of(ops.mul, a, b)


def test_numbers_must_fit_the_dtype() -> None:
    a = make_tensor((3,), DType.int32)
    assert "1.5 is not a value of int32: cast the tensor" in message_of(lambda x: x + 1.5, a)
    assert "-1 is not a value of uint32" in message_of(lambda x: x * -1, a.to(torch.uint32))
    assert "different dtypes" in message_of(lambda x: x + torch.ones(3), a)


def test_there_is_no_arithmetic_of_bools() -> None:
    a = make_tensor((3,), DType.bool)
    assert "no arithmetic of bools" in message_of(lambda x: x + x, a)
    assert "no arithmetic of bools" in message_of(ops.negate, a)


def test_other_things_are_no_operands() -> None:
    a = TensorValue(make_tensor((3,)))
    assert "expected a tensor or a number, got str" in refusal(lambda: ops.add(a, "3"))  # type: ignore[arg-type]
    assert "needs a tensor among its operands" in refusal(lambda: ops.add(1, 2))


def test_true_division_of_integers_is_a_float() -> None:
    a, b = torch.tensor([1, 6]), torch.tensor([2, 4])
    assert_op(ops.div, torch.tensor([0.5, 1.5]), a, b)
    assert_op(lambda x: x / 4, torch.tensor([0.25, 1.5]), a)
    assert_op(lambda x: 3 / x, torch.tensor([3.0, 0.5]), a)
