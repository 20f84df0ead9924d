"""Products of matrices against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import Graph, TensorType, Weight, ops
from tests.graph.run_op import (
    FLOATS,
    NUMBERS,
    assert_op,
    make_tensor,
    message_of,
    refusal,
)

SHAPES = [
    ((3, 4), (4, 5)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((0, 4), (4, 5)),
    ((3, 0), (0, 5)),
    ((1, 1), (1, 1)),
]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul(left: tuple[int, ...], right: tuple[int, ...], dtype: DType) -> None:
    a, b = make_tensor(left, dtype), make_tensor(right, dtype, seed=1)
    wanted = torch.as_tensor(a.double().numpy() @ b.double().numpy()).to(a.dtype)
    assert_op(lambda x, y: x @ y, wanted, a, b, rtol=1e-2 if dtype is DType.bfloat16 else 1e-6)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", [(3, 4), (4,), (2, 3, 4), (0, 4)])
def test_linear(shape: tuple[int, ...], dtype: DType) -> None:
    a, w, b = make_tensor(shape, dtype), make_tensor((5, 4), dtype), make_tensor((5,), dtype)
    wanted = a.double() @ w.double().T
    rtol = 1e-2 if dtype is DType.bfloat16 else 1e-6
    assert_op(ops.linear, wanted.to(a.dtype), a, w, rtol=rtol)
    assert_op(ops.linear, (wanted + b.double()).to(a.dtype), a, w, b, rtol=rtol)


def test_linear_is_one_node() -> None:
    weight = Weight("w", DType.float32, [5, 4], CPU())
    types = [TensorType(DType.float32, ["n", 4], CPU())]
    graph = Graph("g", lambda x: ops.linear(x, weight), types)
    assert [n.op for n in graph.fx.nodes].count("call_function") == 1


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_outer(dtype: DType) -> None:
    a, b = make_tensor((3,), dtype, 0, 4), make_tensor((5,), dtype, 0, 4, seed=1)
    wanted = torch.as_tensor(np.outer(a.double().numpy(), b.double().numpy())).to(a.dtype)
    assert_op(ops.outer, wanted, a, b)


def test_refusals() -> None:
    a, b = make_tensor((3, 4)), make_tensor((5, 4))
    message = message_of(lambda x, y: x @ y, a, b)
    assert message.startswith("ops.matmul: inner sizes differ: '4' and '5'")
    integers = message_of(lambda x: x @ x, a[:, :3].int())
    assert "ops.matmul: needs a floating-point tensor, got int32: cast it" in integers
    mixed = message_of(lambda x, y: x @ y.T, a, b.bfloat16())
    assert "different dtypes, float32 and bfloat16" in mixed
    batches = message_of(lambda x, y: x @ y, make_tensor((2, 3, 4)), make_tensor((3, 4, 5)))
    assert "cannot broadcast axis -1: sizes '2' and '3' differ" in batches
    assert "an operand has no axes" in message_of(ops.matmul, torch.tensor(1.0), a)
    assert "ops.linear: inner sizes differ: '4' and '3'" in message_of(ops.linear, a, a.T)
    assert "the bias must be [5], got [4]" in message_of(ops.linear, a, b, b[0])
    assert "takes [..., in] and [out, in]" in message_of(ops.linear, a, b[0])
    assert "takes two vectors, got [3, 4] and [4]" in message_of(ops.outer, a, a[0])


def test_symbolic_inner_sizes_must_be_the_same() -> None:
    types = [TensorType(DType.float32, s, CPU()) for s in (["m", "k"], ["j", "n"])]
    message = refusal(lambda: Graph("g", lambda x, y: x @ y, types))
    assert "inner sizes differ: 'k' and 'j'; if they are equal when the model runs" in message
