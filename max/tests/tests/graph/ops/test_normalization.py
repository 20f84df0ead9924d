"""Normalizations against their formulas in float64."""

from __future__ import annotations

import pytest
import torch

from max.dtype import DType
from max.graph import ops
from tests.graph.run_op import FLOATS, assert_op, make_tensor, message_of

SHAPES = [(3, 8), (2, 5, 8), (8,), (0, 8), (1, 8)]


def tolerance(dtype: DType) -> float:
    """What two roundings to the dtype may differ by."""
    return 2e-2 if dtype is DType.bfloat16 else 1e-5


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [0, -1])
def test_softmax(shape: tuple[int, ...], axis: int, dtype: DType) -> None:
    a = make_tensor(shape, dtype, -4, 4)
    power = a.double().exp()
    wanted = power / power.sum(axis, keepdim=True)
    rtol = tolerance(dtype)
    assert_op(lambda x: ops.softmax(x, axis), wanted.to(a.dtype), a, rtol=rtol)
    assert_op(lambda x: ops.logsoftmax(x, axis), wanted.log().to(a.dtype), a, rtol=rtol, atol=1e-6)


def test_softmax_does_not_overflow() -> None:
    a = torch.tensor([1e4, 1e4, -1e4])
    assert_op(ops.softmax, torch.tensor([0.5, 0.5, 0.0]), a)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_rms_norm(shape: tuple[int, ...], dtype: DType, early: bool, offset: float) -> None:
    a, weight = make_tensor(shape, dtype, -4, 4), make_tensor((8,), dtype, seed=1)
    wide = a.double()
    wanted = wide / (wide.square().mean(-1, keepdim=True) + 1e-5).sqrt() * (weight + offset)
    assert_op(
        lambda x, w: ops.rms_norm(x, w, 1e-5, offset, early),
        wanted.to(a.dtype),
        a,
        weight,
        rtol=tolerance(dtype),
    )


def test_rms_norm_multiplies_where_it_is_told() -> None:
    a = torch.tensor([1.0, 1.0078125]).bfloat16()
    weight = torch.tensor([1.0, 1.01]).bfloat16()
    normed = a.float() / a.float().square().mean().sqrt()
    late = normed.bfloat16() * weight
    assert_op(lambda x, w: ops.rms_norm(x, w, 0.0), late, a, weight)
    early = (normed * weight.float()).bfloat16()
    assert_op(lambda x, w: ops.rms_norm(x, w, 0.0, 0.0, True), early, a, weight)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm(shape: tuple[int, ...], dtype: DType) -> None:
    a = make_tensor(shape, dtype, -4, 4)
    gamma, beta = make_tensor((8,), dtype, seed=1), make_tensor((8,), dtype, seed=2)
    wide = a.double()
    centred = wide - wide.mean(-1, keepdim=True)
    normed = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * gamma
    rtol = tolerance(dtype)
    wanted = (normed + beta).to(a.dtype)
    assert_op(
        lambda x, g, b: ops.layer_norm(x, g, b, 1e-5), wanted, a, gamma, beta, rtol=rtol, atol=rtol
    )
    assert_op(ops.layer_norm, normed.to(a.dtype), a, gamma, rtol=rtol, atol=rtol)


def test_group_norm() -> None:
    a, ones = make_tensor((2, 6, 3, 3)), torch.ones(6)
    wanted = torch.nn.functional.layer_norm(a.reshape(2, 2, 27), [27]).reshape(a.shape)
    op = lambda x, g, b: ops.group_norm(x, g, b, 2, 1e-5)  # noqa: E731
    assert_op(op, wanted, a, ones, ones * 0, rtol=1e-5, atol=1e-6, static_axes=(0, 1))


def test_refusals() -> None:
    a, weight = make_tensor((3, 8)), make_tensor((7,))
    message = message_of(lambda x, w: ops.rms_norm(x, w, 1e-5), a, weight)
    assert "must be a vector of the last axis's size, 8; got [7]" in message
    assert "got [7]" in message_of(ops.layer_norm, a, weight)
    assert "ops.softmax: needs a floating-point tensor" in message_of(ops.softmax, a.int())
    assert "axis 2 is out of range" in message_of(lambda x: ops.softmax(x, 2), a)
    assert "different dtypes" in message_of(ops.layer_norm, a, a[0].bfloat16())
    message = message_of(lambda x: ops.layer_norm(x, None, None, -1e-5), a)
    assert "epsilon keeps a root from 0: it cannot be -1e-05" in message
