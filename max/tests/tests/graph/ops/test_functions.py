"""Functions of one floating-point tensor, against torch in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import (
    FLOATS,
    INTEGERS,
    Elements,
    assert_elementwise,
    assert_op,
    make_tensor,
    message_of,
    run_op,
)

Op = Callable[..., Any]

# Name, reference, and the range of arguments, which keeps within the function's domain.
FUNCTIONS: list[tuple[Op, Op, int, int]] = [
    (ops.silu, F.silu, -9, 9),
    (ops.sigmoid, torch.sigmoid, -9, 9),
    (ops.tanh, torch.tanh, -3, 3),
    (ops.exp, torch.exp, -9, 9),
    (ops.log, torch.log, 1, 9),
    (ops.log1p, torch.log1p, 0, 9),
    (ops.sqrt, torch.sqrt, 0, 9),
    (ops.rsqrt, torch.rsqrt, 1, 9),
    (ops.sin, torch.sin, -9, 9),
    (ops.cos, torch.cos, -9, 9),
    (ops.acos, torch.acos, -1, 1),
    (ops.atanh, torch.atanh, 0, 1),
    (ops.erf, torch.erf, -2, 2),
    (ops.floor, torch.floor, -9, 9),
    (ops.ceil, torch.ceil, -9, 9),
    (ops.round, torch.round, -9, 9),
    (ops.trunc, torch.trunc, -9, 9),
    (ops.relu, torch.relu, -9, 9),
]


def in_float64(function: Op) -> Op:
    """The function, computed in float64 and rounded to the dtype of its argument."""
    return lambda x: function(x.double()).to(x.dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(("op", "function", "low", "high"), FUNCTIONS)
def test_functions(op: Op, function: Op, low: int, high: int, dtype: DType) -> None:
    rtol = 1e-2 if dtype is DType.bfloat16 else 2e-6
    assert_elementwise(op, in_float64(function), Elements(dtype, low, high), rtol=rtol)


@pytest.mark.parametrize("approximate", ["none", "tanh", "quick"])
def test_gelu(approximate: str) -> None:
    a = make_tensor((3, 5), low=-3, high=3).double()
    wanted = a * torch.special.ndtr(a)
    if approximate == "tanh":
        wanted = 0.5 * a * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (a + 0.044715 * a**3)))
    if approximate == "quick":
        wanted = a / (1 + torch.exp(-1.702 * a))
    assert_op(lambda x: ops.gelu(x, approximate), wanted.float(), a.float(), rtol=1e-5, atol=1e-6)


def test_gelu_knows_three_ways() -> None:
    message = message_of(lambda x: ops.gelu(x, "sigmoid"), make_tensor((3,)))
    assert "approximate must be none, tanh or quick, got 'sigmoid'" in message


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_relu_of_integers(dtype: DType) -> None:
    a = make_tensor((3, 5), dtype, 0 if dtype is DType.uint32 else -9, 9)
    assert_op(ops.relu, a.long().clamp_min(0).to(a.dtype), a)


def test_round_takes_the_even_of_two() -> None:
    assert_op(ops.round, torch.tensor([-2.0, 0.0, 2.0]), torch.tensor([-1.5, 0.5, 1.5]))


def test_nan_and_infinity() -> None:
    a = torch.tensor([1.0, float("nan"), float("inf"), -float("inf")])
    assert_op(ops.is_nan, torch.tensor([False, True, False, False]), a)
    assert_op(ops.is_inf, torch.tensor([False, False, True, True]), a)
    assert torch.isnan(run_op(ops.relu, a)[0][1])


def test_integers_are_refused() -> None:
    a = make_tensor((3,), DType.int32)
    assert "ops.exp: needs a floating-point tensor, got int32: cast it" in message_of(ops.exp, a)
    assert "ops.gelu: needs a floating-point tensor" in message_of(ops.gelu, a)
    assert "expected a tensor, got the number 3" in message_of(lambda _: ops.exp(3), a)
