"""Reading and writing buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession, Model
from max.graph import BufferType, Graph, TensorType, Value, ops
from tests.graph.run_op import make_tensor, message_of, refusal

TYPES = [
    BufferType(DType.float32, ["n", 2], CPU()),
    TensorType(DType.float32, ["n", 2], CPU()),
]


def make_model(build: Callable[[Value, Value], Any]) -> Model:
    """A model of a buffer and a tensor of shape [n, 2]."""
    return InferenceSession().load(Graph("g", build, TYPES))


def make_arrays() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A buffer of zeros and a tensor of ones."""
    return np.zeros((3, 2), dtype=np.float32), np.ones((3, 2), dtype=np.float32)


def test_stores_change_the_callers_buffer() -> None:
    def store(b: Value, x: Value) -> list[Any]:
        ops.buffer_store(b.buffer, x.tensor + 1)
        return []

    model = make_model(store)
    buffer, ones = make_arrays()
    assert model(buffer, ones) == []
    assert (buffer == 2).all()


def test_a_load_is_what_the_buffer_had_then() -> None:
    def swap(b: Value, x: Value) -> list[Any]:
        before = ops.buffer_load(b.buffer)
        ops.buffer_store(b.buffer, x.tensor)
        return [before, ops.buffer_load(b.buffer)]

    buffer, ones = make_arrays()
    before, after = make_model(swap)(buffer, ones)
    assert (before.to_numpy() == 0).all()
    assert (after.to_numpy() == 1).all()


def test_slices_are_stored() -> None:
    def store(b: Value, x: Value) -> list[Any]:
        ops.buffer_store_slice(b.buffer, x.tensor[0, 0:1], [1, slice(1, 2)])
        return []

    buffer, ones = make_arrays()
    make_model(store)(buffer, ones)
    assert buffer.tolist() == [[0, 0], [0, 1], [0, 0]]


def test_what_does_not_fit_is_refused() -> None:
    def built(build: Callable[[Any, Any], Any]) -> str:
        return refusal(lambda: Graph("g", build, TYPES))

    message = built(lambda b, x: ops.buffer_store(b, x[:, :1]))
    assert "ops.buffer_store: cannot store float32 [n, 1] in float32 [n, 2]" in message
    message = built(lambda b, x: ops.buffer_store(b, x.cast(DType.int32)))
    assert "cannot store int32 [n, 2]" in message
    message = built(lambda b, x: ops.buffer_store_slice(b, x, [0]))
    assert "cannot store float32 [n, 2] in float32 [2]" in message
    message = built(lambda b, x: ops.buffer_store_slice(b, x, [x]))
    assert "indices must be ints, slices and '...'" in message
    assert "takes a buffer" in message_of(lambda x: ops.buffer_load(x), make_tensor((3,)))


def test_buffers_and_tensors_are_taken_as_such() -> None:
    graph = Graph("g", input_types=TYPES)
    with pytest.raises(TypeError, match=r"is a buffer: load it with ops\.buffer_load"):
        _ = graph.inputs[0].tensor
    with pytest.raises(TypeError, match="is not a buffer"):
        _ = graph.inputs[1].buffer
    assert graph.inputs[0].buffer.type == TYPES[0]
