"""Elementwise arithmetic of two tensors, or of a tensor and a number.

Shapes broadcast as in numpy. Tensors must have one dtype; a number takes the tensor's.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

from max.dtype import DType
from max.graph.call import call
from max.graph.ops.arguments import (
    as_operand,
    broadcast_shape,
    common_dtype,
    fail,
    is_scalar,
)
from max.graph.ops.casting import cast, restored, widened
from max.graph.tensor_value import TensorValue, TensorValueLike


def _binary(
    op: str, target: Callable[..., Any], lhs: TensorValueLike, rhs: TensorValueLike
) -> TensorValue:
    lhs, rhs = as_operand(op, lhs), as_operand(op, rhs)
    dtype = common_dtype(op, lhs, rhs)
    if dtype is DType.bool:
        fail(op, "there is no arithmetic of bools: cast them", lhs, rhs)
    broadcast_shape(op, lhs, rhs)
    result = call(op, target, widened(lhs), widened(rhs))
    return result if result.dtype is dtype else cast(result, dtype)


def add(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs + rhs`."""
    return _binary("add", operator.add, lhs, rhs)


def sub(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs - rhs`."""
    return _binary("sub", operator.sub, lhs, rhs)


def mul(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs * rhs`."""
    return _binary("mul", operator.mul, lhs, rhs)


def div(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs / rhs`, true division; of integers in float32."""
    lhs, rhs = as_operand("div", lhs), as_operand("div", rhs)
    if common_dtype("div", lhs, rhs).is_integral():
        lhs, rhs = (x if is_scalar(x) else cast(x, DType.float32) for x in (lhs, rhs))
    return _binary("div", operator.truediv, lhs, rhs)


def floor_div(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs // rhs`, rounded down."""
    return _binary("floor_div", operator.floordiv, lhs, rhs)


def mod(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs % rhs`, with the sign of `rhs`."""
    return _binary("mod", operator.mod, lhs, rhs)


def pow(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """`lhs ** rhs`."""
    return _binary("pow", operator.pow, lhs, rhs)


def maximum(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """The greater of `lhs` and `rhs`; NaN where one of them is."""
    return _extremum("max", torch.maximum, torch.clamp_min, lhs, rhs)


def minimum(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """The lesser of `lhs` and `rhs`; NaN where one of them is."""
    return _extremum("min", torch.minimum, torch.clamp_max, lhs, rhs)


def _extremum(
    op: str,
    of_tensors: Callable[..., Any],
    with_number: Callable[..., Any],
    lhs: TensorValueLike,
    rhs: TensorValueLike,
) -> TensorValue:
    if is_scalar(lhs):
        lhs, rhs = rhs, lhs
    return _binary(op, with_number if is_scalar(rhs) else of_tensors, lhs, rhs)


def abs(x: TensorValueLike) -> TensorValue:
    """`|x|`."""
    return _unary("abs", torch.abs, x)


def negate(x: TensorValueLike) -> TensorValue:
    """`-x`; unsigned integers wrap."""
    return _unary("negate", operator.neg, x)


def _unary(op: str, target: Callable[..., Any], x: TensorValueLike) -> TensorValue:
    x = as_operand(op, x)
    if common_dtype(op, x) is DType.bool:
        fail(op, "there is no arithmetic of bools: cast them", x)
    return restored(call(op, target, widened(x)), x)
