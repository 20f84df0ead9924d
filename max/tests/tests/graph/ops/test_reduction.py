"""Reductions against numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import FLOATS, INTEGERS, NUMBERS, assert_op, make_tensor, message_of

Op = Callable[..., Any]

REDUCTIONS: list[tuple[Op, Op]] = [
    (ops.sum, np.sum),
    (ops.prod, np.prod),
    (ops.max, np.max),
    (ops.min, np.min),
    (ops.argmax, np.argmax),
    (ops.argmin, np.argmin),
]


def reduced(function: Op, a: torch.Tensor, axis: int) -> torch.Tensor:
    """numpy's reduction, in float64 or int64, as the dtype of `a`; of indices as int64."""
    wide = a.double() if a.dtype.is_floating_point else a.long()
    result = torch.as_tensor(function(wide.numpy(), axis=axis, keepdims=True))
    return result if function in (np.argmax, np.argmin) else result.to(a.dtype)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize(("op", "function"), REDUCTIONS)
def test_reductions_over_dtypes(op: Op, function: Op, dtype: DType) -> None:
    a = make_tensor((3, 5), dtype, 0, 4)
    rtol = 1e-2 if dtype is DType.bfloat16 else 1e-6 if dtype is DType.float32 else 0
    assert_op(lambda x: op(x, axis=1), reduced(function, a, 1), a, rtol=rtol)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1), (0, 3, 2)])
@pytest.mark.parametrize(("op", "function"), REDUCTIONS)
def test_axes_stay_with_size_1(op: Op, function: Op, shape: tuple[int, ...], axis: int) -> None:
    a = make_tensor(shape)
    if shape[axis] == 0 and op not in (ops.sum, ops.prod):
        return
    assert_op(lambda x: op(x, axis=axis), reduced(function, a, axis), a, rtol=1e-6)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("axis", [0, -1])
def test_mean(dtype: DType, axis: int) -> None:
    a = make_tensor((3, 5), dtype)
    assert_op(lambda x: x.mean(axis), reduced(np.mean, a, axis), a, rtol=1e-2)


def test_the_last_axis_is_meant_unless_told() -> None:
    a = make_tensor((3, 5))
    for op, method in ((ops.sum, "sum"), (ops.max, "max"), (ops.min, "min"), (ops.mean, "mean")):
        wanted = getattr(a, {"max": "amax", "min": "amin"}.get(method, method))(-1, keepdim=True)
        assert_op(op, wanted, a, rtol=1e-6)
        assert_op(lambda x, name=method: getattr(x, name)(), wanted, a, rtol=1e-6)
    assert_op(lambda x: x.argmax(), a.argmax(-1, keepdim=True), a)


def test_sums_of_nothing() -> None:
    a = make_tensor((3, 0))
    assert_op(ops.sum, torch.zeros(3, 1), a)
    assert_op(ops.prod, torch.ones(3, 1), a)
    assert_op(ops.mean, torch.full((3, 1), float("nan")), a)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_sums_of_integers_wrap_in_their_dtype(dtype: DType) -> None:
    top = torch.iinfo(dtype.to_torch()).max
    a = torch.tensor([top, 2], dtype=dtype.to_torch())
    wrapped = 1 if dtype is DType.uint32 else torch.iinfo(dtype.to_torch()).min + 1
    assert_op(ops.sum, torch.tensor([wrapped], dtype=dtype.to_torch()), a)


def test_extrema_of_bools() -> None:
    a = torch.tensor([[True, False], [False, False]])
    assert_op(ops.max, torch.tensor([[True], [False]]), a)
    assert_op(ops.min, torch.tensor([[False], [False]]), a)


def test_nan_is_the_greatest_and_the_least() -> None:
    a = torch.tensor([1.0, float("nan"), 2.0])
    assert_op(ops.max, torch.tensor([float("nan")]), a)
    assert_op(ops.min, torch.tensor([float("nan")]), a)


def test_argmax_takes_the_first_of_equal_ones() -> None:
    a = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    assert_op(ops.argmax, torch.tensor([[1], [0]]), a)
    assert_op(ops.argmin, torch.tensor([[0], [0]]), a)


def test_refusals() -> None:
    a = make_tensor((3, 5))
    message = message_of(lambda x: x.sum(2), a)
    assert message.startswith("ops.sum: axis 2 is out of range; allowed: [-2, 1]")
    assert "no arithmetic of bools" in message_of(ops.sum, a > 0)
    assert "no arithmetic of bools" in message_of(ops.mean, a > 0)
    assert "axis -1 has size 0: there is no such element" in message_of(ops.max, a[:, :0])
    assert "takes no axis; got axis=0" in message_of(lambda x: ops.max(x, x, axis=0), a)
    assert "allowed: none: it has no axes" in message_of(ops.sum, torch.tensor(1.0))
    assert "axis must be an int, got None" in message_of(lambda x: ops.sum(x, None), a)  # type: ignore[arg-type]


def test_the_mean_of_integers_is_a_float() -> None:
    a = torch.tensor([[1, 2, 4], [0, 0, 1]])
    assert_op(ops.mean, torch.tensor([[7 / 3], [1 / 3]]), a)


def test_argmax_of_bools_is_the_first_that_is_true() -> None:
    a = torch.tensor([[False, True, True], [False, False, False]])
    assert_op(ops.argmax, torch.tensor([[1], [0]]), a)
    assert_op(ops.argmin, torch.tensor([[0], [0]]), a)
