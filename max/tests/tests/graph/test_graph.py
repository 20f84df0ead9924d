"""Building graphs, and misusing them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from max.driver import CPU, Buffer
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import BufferType, DeviceRef, Graph, TensorType, TensorValue, ops
from tests.graph.run_op import refusal

X = TensorType(DType.float32, ["n", 2], CPU())


def test_with_a_context_manager() -> None:
    with Graph("g", input_types=[X]) as graph:
        assert Graph.current is graph
        graph.output(graph.inputs[0].tensor + 1)
    assert graph.output_types == [X]
    assert not Graph.is_building()


def test_with_a_function_and_its_arguments() -> None:
    def forward(x: TensorValue, by: float, *, plus: float) -> TensorValue:
        return x * by + plus

    graph = Graph("g", forward, [X], 2.0, plus=1.0)
    (result,) = InferenceSession().load(graph)(np.ones((1, 2), dtype=np.float32))
    assert result.to_numpy().tolist() == [[3, 3]]


def test_there_is_no_current_graph_outside() -> None:
    with pytest.raises(LookupError, match="no graph is being built"):
        _ = Graph.current


def test_an_error_while_building_leaves_no_graph_behind() -> None:
    refusal(lambda: Graph("g", lambda x: x + torch.ones(3), [X]))
    assert Graph.current_or_none() is None


def test_graphs_nest_without_mixing() -> None:
    with Graph("outer", input_types=[X]) as outer:
        Graph("inner", lambda x: x * 2, [X])
        assert Graph.current is outer
        outer.output(outer.inputs[0])


def test_outputs_are_told_once() -> None:
    graph = Graph("g", lambda x: x, [X])
    message = refusal(lambda: graph.output(graph.inputs[0]))
    assert message.startswith("graph 'g' has outputs already\n  at ")
    assert "test_graph.py" in message


def test_outputs_are_values() -> None:
    with pytest.raises(TypeError, match="output 1 of 'g' is 'x', not a tensor value"):
        Graph("g", lambda x: [x, "x"], [X])


def test_values_of_two_graphs_do_not_mix() -> None:
    other = Graph("other", input_types=[X])
    message = refusal(lambda: Graph("g", lambda x: x + other.inputs[0].tensor, [X]))
    assert message.startswith("an op cannot mix values of two graphs, 'g' and 'other'")


def test_values_are_of_no_use_once_the_graph_is_finished() -> None:
    graph = Graph("g", lambda x: x, [X])
    message = refusal(lambda: graph.inputs[0].tensor + 1)
    assert message.startswith("graph 'g' has its outputs: no op can be added")
    assert "graph.inputs[0].tensor + 1" in message


def test_values_of_a_graph_have_no_elements() -> None:
    value = Graph("g", input_types=[X]).inputs[0].tensor
    with pytest.raises(TypeError, match="has no elements until the model runs"):
        value.to_numpy()
    with pytest.raises(TypeError, match="neither true nor false until the model runs"):
        bool(value)


def test_values_are_iterated_along_the_first_axis() -> None:
    def forward(x: TensorValue) -> TensorValue:
        left, right = x.T.rebind([2, "n"])
        return left - right

    (result,) = InferenceSession().load(Graph("g", forward, [X]))(np.eye(2, dtype=np.float32))
    assert result.to_numpy().tolist() == [1, -1]
    with pytest.raises(TypeError, match="dim 'n' is not a number until the model runs"):
        Graph("g", list, [X])


def test_dims_combine_with_values() -> None:
    graph = Graph("g", lambda x: x.shape[0] * x + x.shape[0], [X])
    (result,) = InferenceSession().load(graph)(np.ones((3, 2), dtype=np.float32))
    assert result.to_numpy()[0].tolist() == [6, 6]


def test_values_outside_of_graphs_are_real() -> None:
    value = TensorValue(torch.tensor([[1.5, 2.5]]))
    assert value.to_numpy().tolist() == [[1.5, 2.5]]
    assert (value.dtype, value.rank) == (DType.float32, 2)
    assert value.shape == [1, 2]
    assert value.device == DeviceRef.CPU()
    assert value.type == TensorType(DType.float32, [1, 2], CPU())
    assert bool(value.sum() > 3)
    assert np.from_dlpack(value).tolist() == [[1.5, 2.5]]
    assert "float32, [1, 2], cpu:0" in repr(value)


def test_one_name_is_one_size() -> None:
    types = [X, TensorType(DType.float32, ["n"], CPU())]
    graph = Graph("g", lambda x, y: x + ops.unsqueeze(y, 1), types)
    assert graph.output_types == [X]


def test_the_code_of_a_graph_can_be_read() -> None:
    graph = Graph("g", lambda x: ops.relu(x).reshape([-1]), [X])
    assert "relu = torch.relu(input_0)" in repr(graph)
    assert "torch.reshape(relu, [-1])" in repr(graph)
    assert "inputs=[TensorType(float32, [n, 2], cpu:0)]" in repr(graph)


def test_constants_may_come_after_nodes() -> None:
    def forward(*_: Any) -> TensorValue:
        return ops.range(0, 3) + ops.constant([1, 1, 1])

    (result,) = InferenceSession().load(Graph("g", forward))()
    assert result.to_numpy().tolist() == [1, 2, 3]


def test_buffers_are_read_and_written_by_index() -> None:
    with Graph("g", input_types=[BufferType(DType.float32, [2, 2], DeviceRef.CPU())]) as graph:
        buffer = graph.inputs[0].buffer
        before = buffer[...]
        buffer[0] = before[1]
        graph.output(before[0])
    session = InferenceSession([CPU()])
    elements = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    (first,) = session.load(graph).execute(Buffer(elements))
    assert first.to_numpy().tolist() == [1, 2]
    assert elements.tolist() == [[3, 4], [3, 4]]


def test_libraries_of_another_compiler_are_refused() -> None:
    Graph("g", forward=lambda: ops.constant(1.0, DType.float32, CPU()), custom_extensions=[])
    with pytest.raises(NotImplementedError, match=r"custom_extensions=\['a'\].*ops\.custom"):
        Graph("g", custom_extensions=["a"])
