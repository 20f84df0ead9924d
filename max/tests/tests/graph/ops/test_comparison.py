"""Comparisons and logic against numpy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import (
    NUMBERS,
    Elements,
    assert_elementwise,
    assert_op,
    by_numpy,
    make_tensor,
    message_of,
)

Op = Callable[..., Any]

COMPARISONS: list[tuple[Op, Op, Op]] = [
    (ops.equal, operator.eq, np.equal),
    (ops.not_equal, operator.ne, np.not_equal),
    (ops.less, operator.lt, np.less),
    (ops.less_equal, operator.le, np.less_equal),
    (ops.greater, operator.gt, np.greater),
    (ops.greater_equal, operator.ge, np.greater_equal),
]
LOGIC: list[tuple[Op, Op, Op]] = [
    (ops.logical_and, operator.and_, np.logical_and),
    (ops.logical_or, operator.or_, np.logical_or),
    (ops.logical_xor, operator.xor, np.logical_xor),
]


def truth(function: Op) -> Op:
    """A numpy comparison as one of tensors."""
    return lambda *tensors: by_numpy(function)(*tensors).bool()


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize(("op", "sign", "function"), COMPARISONS)
def test_comparisons(op: Op, sign: Op, function: Op, dtype: DType) -> None:
    operand = Elements(dtype, 0, 3)
    assert_elementwise(op, truth(function), operand, operand)


@pytest.mark.parametrize(("op", "sign", "function"), COMPARISONS)
def test_operators_compare(op: Op, sign: Op, function: Op) -> None:
    a = make_tensor((4, 3), high=3)
    assert_op(lambda x: sign(x, 1), torch.as_tensor(function(a.numpy(), 1)), a)
    assert_op(lambda x: sign(1, x), torch.as_tensor(function(1, a.numpy())), a)


@pytest.mark.parametrize(("op", "sign", "function"), LOGIC)
def test_logic(op: Op, sign: Op, function: Op) -> None:
    operand = Elements(DType.bool)
    assert_elementwise(op, by_numpy(function), operand, operand)
    assert_elementwise(sign, by_numpy(function), operand, operand)


def test_not() -> None:
    a = make_tensor((3, 5), DType.bool)
    assert_op(ops.logical_not, ~a, a)
    assert_op(operator.invert, ~a, a)


@pytest.mark.parametrize("dtype", [*NUMBERS, DType.bool], ids=str)
def test_where(dtype: DType) -> None:
    # Older torch versions do not choose between unsigned numbers.
    wide = torch.int64 if dtype in (DType.uint16, DType.uint32, DType.uint64) else dtype.to_torch()

    def chosen(c: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.where(c, a.to(wide), b.to(wide)).to(dtype.to_torch())

    assert_elementwise(ops.where, chosen, Elements(DType.bool), Elements(dtype), Elements(dtype))


def test_where_broadcasts_and_takes_numbers() -> None:
    c, a = make_tensor((4, 1), DType.bool), make_tensor((3,), DType.bfloat16)
    wanted = torch.where(c, a, torch.tensor(-1.0, dtype=torch.bfloat16))
    assert_op(lambda x, y: ops.where(x, y, -1.0), wanted, c, a)
    assert_op(lambda x, y: ops.where(x, -1, y), torch.where(~c, a, -1), c, a)
    unsigned = a.to(torch.uint32)
    wanted = torch.where(c, unsigned.long(), 0).to(torch.uint32)
    assert_op(lambda x, y: ops.where(x, y, 0), wanted, c, unsigned)


def test_values_are_hashable_although_equality_is_elementwise() -> None:
    def both(x: Any) -> Any:
        return {x: x}[x]

    a = make_tensor((3,))
    assert_op(both, a, a)


def test_refusals() -> None:
    a, b = make_tensor((3,)), make_tensor((3,), DType.bool)
    assert "ops.logical_and: needs bools, got float32" in message_of(ops.logical_and, a, a)
    assert "ops.logical_not: needs bools" in message_of(ops.logical_not, a)
    assert "the condition must be bools, got float32" in message_of(ops.where, a, a, a)
    assert "different dtypes" in message_of(ops.where, b, a, a.int())
    assert "different dtypes" in message_of(ops.less, a, a.int())
    assert "sizes '4' and '3' differ" in message_of(ops.where, make_tensor((4,), DType.bool), a, a)
