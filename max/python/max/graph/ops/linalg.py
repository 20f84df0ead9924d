"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from max.graph.call import call
from max.graph.dim import Dim, StaticDim
from max.graph.ops.arguments import (
    as_tensor,
    broadcast_dims,
    common_dtype,
    fail,
    require_float,
    shape_of,
)
from max.graph.ops.arithmetic import mul
from max.graph.ops.shaping import reshape
from max.graph.tensor_value import TensorValue, TensorValueLike


def matmul(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """The product of matrices, `lhs @ rhs`; leading axes broadcast, as in numpy.

    Args:
        lhs: floating point, shape [..., m, k], or [k].
        rhs: the same dtype, shape [..., k, n], or [k].

    Returns:
        Shape [..., m, n], without m or n where an operand has one axis.

    Raises:
        ValueError: for integers, differing dtypes, or differing inner sizes.
    """
    lhs, rhs = as_tensor("matmul", lhs), as_tensor("matmul", rhs)
    _check_dtypes("matmul", lhs, rhs)
    left, right = shape_of(lhs), shape_of(rhs)
    if not left or not right:
        fail("matmul", "an operand has no axes", lhs, rhs)
    _check_inner("matmul", left[-1], right[-min(len(right), 2)], lhs, rhs)
    batch = broadcast_dims("matmul", [left[:-2], right[:-2]], [lhs, rhs])
    rows, columns = left[:-1][-1:], right[-1:] if len(right) > 1 else []
    return call("matmul", torch.matmul, lhs, rhs, result_shape=[*batch, *rows, *columns])


def linear(
    x: TensorValueLike, weight: TensorValueLike, bias: TensorValueLike | None = None
) -> TensorValue:
    """`x @ weight.T + bias`, as one node.

    Args:
        x: floating point, shape [..., in].
        weight: the same dtype, shape [out, in].
        bias: the same dtype, shape [out]; none unless given.

    Returns:
        Shape [..., out].
    """
    x, weight = as_tensor("linear", x), as_tensor("linear", weight)
    operands = [x, weight] if bias is None else [x, weight, as_tensor("linear", bias)]
    _check_dtypes("linear", *operands)
    left, right = shape_of(x), shape_of(weight)
    if not left or len(right) != 2:
        fail("linear", f"takes [..., in] and [out, in], got {left} and {right}", *operands)
    _check_inner("linear", left[-1], right[1], *operands)
    if bias is not None and shape_of(operands[2]) != right[:1]:
        fail("linear", f"the bias must be [{right[0]}], got {shape_of(operands[2])}", *operands)
    return call("linear", F.linear, *operands, result_shape=[*left[:-1], right[0]])


def outer(lhs: TensorValueLike, rhs: TensorValueLike) -> TensorValue:
    """All products of two vectors' elements: `[m], [n] -> [m, n]`."""
    lhs, rhs = as_tensor("outer", lhs), as_tensor("outer", rhs)
    left, right = shape_of(lhs), shape_of(rhs)
    if len(left) != 1 or len(right) != 1:
        fail("outer", f"takes two vectors, got {left} and {right}", lhs, rhs)
    return mul(reshape(lhs, [left[0], 1]), reshape(rhs, [1, right[0]]))


def _check_dtypes(op: str, *operands: Any) -> None:
    common_dtype(op, *operands)
    require_float(op, *operands)


def _check_inner(op: str, left: Dim, right: Dim, *operands: Any) -> None:
    if left == right:
        return
    reason = f"inner sizes differ: '{left}' and '{right}'"
    if not (isinstance(left, StaticDim) and isinstance(right, StaticDim)):
        reason += "; if they are equal when the model runs, say so with ops.rebind"
    fail(op, reason, *operands)
