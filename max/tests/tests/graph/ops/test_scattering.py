"""Scatters against torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import NUMBERS, assert_op, make_tensor, message_of


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("axis", [0, -1])
def test_scatter(dtype: DType, axis: int) -> None:
    a, new = make_tensor((4, 4), dtype), make_tensor((2, 2), dtype, seed=1)
    where = torch.tensor([[3, 0], [1, 2]], dtype=torch.int32)
    wanted = a.numpy(force=True).copy() if dtype is not DType.bfloat16 else a.float().numpy()
    np.put_along_axis(
        wanted[:, :2] if axis == 0 else wanted[:2], where.numpy(), new.float().numpy(), axis
    )
    expected = torch.as_tensor(wanted).to(a.dtype)
    assert_op(lambda x, u, i: ops.scatter(x, u, i, axis), expected, a, new, where)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_scatter_add_sums_what_meets(dtype: DType) -> None:
    a = make_tensor((3,), dtype)
    new, where = make_tensor((4,), dtype, seed=1), torch.tensor([0, 0, -1, 0])
    wide, more = a.double(), new.double()
    wide += torch.stack([more[0] + more[1] + more[3], torch.tensor(0.0), more[2]])
    assert_op(ops.scatter_add, wide.to(a.dtype), a, new, where)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_scatter_nd(dtype: DType) -> None:
    a, new = make_tensor((4, 3), dtype), make_tensor((2, 3), dtype, seed=1)
    wanted = a.clone()
    wanted[3], wanted[0] = new[0], new[1]
    assert_op(ops.scatter_nd, wanted, a, new, torch.tensor([[3], [0]]), static_axes=(1,))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_masked_scatter(dtype: DType) -> None:
    a, new = make_tensor((3, 4), dtype), make_tensor((12,), dtype, seed=1)
    mask = torch.tensor([True, False, False, True])
    wanted = a.double()
    wanted[:, [0, 3]] = new[:6].reshape(3, 2).double()
    assert_op(ops.masked_scatter, wanted.to(a.dtype), a, mask, new)


def test_scatters_of_nothing() -> None:
    a, none = make_tensor((3,)), torch.zeros(0)
    assert_op(ops.scatter, a, a, none, none.int())
    assert_op(ops.masked_scatter, a, a, torch.zeros(3, dtype=torch.bool), none)


def test_inputs_stay_as_they_are() -> None:
    a = torch.zeros(3)
    assert_op(ops.scatter, torch.tensor([0.0, 5.0, 0.0]), a, torch.tensor([5.0]), torch.tensor([1]))
    assert a.sum() == 0


def test_refusals() -> None:
    a, where = make_tensor((3, 3)), torch.zeros(3, 3, dtype=torch.int64)
    assert "indices must be integers" in message_of(ops.scatter, a, a, a)
    assert "different dtypes" in message_of(ops.scatter, a, a.int(), where)
    assert "must have one shape, of the rank of input" in message_of(ops.scatter, a, a[:2], where)
    message = message_of(ops.scatter_nd, a, a[:2], where[:, :1])
    assert "updates must have the shape [3, 3], got [2, 3]" in message
    assert "the mask must be bools" in message_of(ops.masked_scatter, a, a, a)
    message = message_of(ops.masked_scatter, a[:1], a > 0, a)
    assert "the mask has more axes or greater ones than input" in message
