"""Ops of torch.library by their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import BufferType, DeviceRef, Graph, TensorType, ops
from tests.graph.run_op import assert_op, make_tensor, message_of, refusal


def _fill(x: torch.Tensor, value: torch.Tensor) -> None:
    x.copy_(value)


@pytest.fixture(scope="module", autouse=True)
def library() -> Iterator[None]:
    """Registers ops of three kinds: pure, of two results, writing."""
    library = torch.library.Library("max_test", "DEF")
    library.define("scaled(Tensor x, float by) -> Tensor")
    library.define("halves(Tensor x) -> (Tensor, Tensor)")
    library.define("fill(Tensor(a!) x, Tensor value) -> ()")
    library.impl("scaled", lambda x, by: x * by, "CompositeExplicitAutograd")
    library.impl("halves", lambda x: (x / 2, x / 2), "CompositeExplicitAutograd")
    library.impl("fill", _fill, "CompositeExplicitAutograd")
    torch.library.register_fake("max_test::scaled", lambda x, by: torch.empty_like(x), lib=library)
    torch.library.register_fake(
        "max_test::halves", lambda x: (torch.empty_like(x), torch.empty_like(x)), lib=library
    )
    torch.library.register_fake("max_test::fill", lambda x, value: None, lib=library)
    yield
    library._destroy()


def test_ops_are_called_by_name() -> None:
    a = make_tensor((3, 2))

    def op(x: Any) -> Any:
        parameters = {"by": 2.0}
        return ops.custom("max_test::scaled", CPU(), [x], [x.type], parameters)

    assert_op(op, a * 2, a)
    assert_op(lambda x: ops.custom("max_test::scaled", values=[x, 3.0]), a * 3, a)
    assert_op(lambda x: ops.custom("max_test::halves", values=[x]), [a / 2, a / 2], a)


def test_results_sizes_can_be_named() -> None:
    types = [TensorType(DType.float32, ["n"], CPU())]
    renamed = TensorType(DType.float32, ["m"], CPU())
    graph = Graph("g", lambda x: ops.custom("max_test::scaled", None, [x, 1.0], [renamed]), types)
    assert graph.output_types == [renamed]


def test_ops_that_write_are_called_in_place() -> None:
    def op(b: Any, x: Any) -> list[Any]:
        return ops.inplace_custom("max_test::fill", values=[b, x])

    types = [
        BufferType(DType.float32, ["n"], CPU()),
        TensorType(DType.float32, ["n"], CPU()),
    ]
    model = InferenceSession().load(Graph("g", op, types))
    buffer = np.zeros(2, dtype=np.float32)
    assert model(buffer, np.array([1, 2], dtype=np.float32)) == []
    assert buffer.tolist() == [1, 2]
    message = refusal(
        lambda: Graph("g", lambda b, x: ops.custom("max_test::fill", None, [b, x]), types)
    )
    assert "writes to its operands" in message
    assert "ops.inplace_custom" in message


def test_refusals() -> None:
    a = make_tensor((3,))
    message = message_of(lambda x: ops.custom("max_test::nothing", values=[x]), a)
    assert "no op of this name is registered" in message
    assert "names are 'namespace::op', got 'relu'" in message_of(lambda x: ops.custom("relu"), a)
    integers = TensorType(DType.int32, [3], CPU())
    message = message_of(lambda x: ops.custom("aten::relu", None, [x], [integers]), a)
    assert "its result is float32 [3], out_types says TensorType(int32, [3], cpu:0)" in message
    message = message_of(lambda x: ops.custom("aten::relu", None, [x], []), a)
    assert "gives 1 results, out_types has 0" in message
    message = message_of(lambda x: ops.custom("aten::relu", DeviceRef.GPU(), [x]), a)
    assert "its result is on cpu:0, not on gpu:0" in message
