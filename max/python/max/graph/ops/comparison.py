"""Elementwise comparisons and logic; the results are bools. Shapes broadcast as in numpy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

from max.dtype import DType
from max.graph.call import call
from max.graph.ops.arguments import (
    as_operand,
    as_tensor,
    broadcast_shape,
    common_dtype,
    dtype_of,
    fail,
    is_scalar,
)
from max.graph.ops.casting import restored, widened
from max.graph.tensor_value import TensorValue, TensorValueLike


def _compare(
    op: str, target: Callable[..., Any], lhs: TensorValueLike, rhs: TensorValueLike
) -> TensorValue:
    lhs, rhs = as_operand(op, lhs), as_operand(op, rhs)
    common_dtype(op, lhs, rhs)
    broadcast_shape(op, lhs, rhs)
    return call(op, target, widened(lhs), widened(rhs))


def equal(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where `lhs == rhs`."""
    return _compare("equal", operator.eq, lhs, rhs)


def not_equal(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where `lhs != rhs`."""
    return _compare("not_equal", operator.ne, lhs, rhs)


def less(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where `lhs < rhs`."""
    return _compare("less", operator.lt, lhs, rhs)


def less_equal(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where `lhs <= rhs`."""
    return _compare("less_equal", operator.le, lhs, rhs)


def greater(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where `lhs > rhs`."""
    return _compare("greater", operator.gt, lhs, rhs)


def greater_equal(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where `lhs >= rhs`."""
    return _compare("greater_equal", operator.ge, lhs, rhs)


def _logical(
    op: str, target: Callable[..., Any], lhs: TensorValueLike, rhs: TensorValueLike
) -> TensorValue:
    lhs, rhs = as_operand(op, lhs), as_operand(op, rhs)
    dtype = common_dtype(op, lhs, rhs)
    if dtype is not DType.bool:
        fail(op, f"needs bools, got {dtype}: compare with 0 or cast", lhs, rhs)
    broadcast_shape(op, lhs, rhs)
    return call(op, target, lhs, rhs)


def logical_and(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where both are true."""
    return _logical("logical_and", operator.and_, lhs, rhs)


def logical_or(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where one or both are true."""
    return _logical("logical_or", operator.or_, lhs, rhs)


def logical_xor(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """Where exactly one is true."""
    return _logical("logical_xor", operator.xor, lhs, rhs)


def logical_not(x: TensorValueLike) -> TensorValue:
    """Where `x` is false."""
    x = as_tensor("logical_not", x)
    if dtype_of(x) is not DType.bool:
        fail("logical_not", f"needs bools, got {dtype_of(x)}: compare with 0 or cast", x)
    return call("logical_not", torch.logical_not, x)


def where(condition: TensorValueLike, x: TensorValueLike, y: TensorValueLike) -> TensorValue:
    """`x` where the condition is true, `y` where it is not.

    Args:
        condition: bools.
        x: a tensor, or a number.
        y: a tensor of the dtype of `x`, or a number.
    """
    condition = as_tensor("where", condition)
    x, y = as_operand("where", x), as_operand("where", y)
    if dtype_of(condition) is not DType.bool:
        fail("where", f"the condition must be bools, got {dtype_of(condition)}", condition, x, y)
    common_dtype("where", x, y)
    broadcast_shape("where", condition, x, y)
    like = y if is_scalar(x) else x
    result = call("where", torch.where, condition, widened(x), widened(y))
    return restored(result, like)
