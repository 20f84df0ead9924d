"""Compiling graphs and giving them their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, TensorType, Weight, ops
from max.graph.weights import WeightData

X = TensorType(DType.float32, ["n", 2], CPU())
ONES = np.ones((1, 2), dtype=np.float32)


def make_graph(*weights: Weight) -> Graph:
    """Adds the weights to x."""

    def forward(x: Any) -> Any:
        for weight in weights:
            x = x + weight
        return x

    return Graph("sums", forward, [X])


def make_weight(name: str) -> Weight:
    """A float32 weight of shape [2]."""
    return Weight(name, DType.float32, [2], CPU())


def test_the_host_is_always_there() -> None:
    assert InferenceSession().devices == [CPU()]
    assert InferenceSession([CPU()]).devices == [CPU()]
    assert repr(InferenceSession()).startswith("InferenceSession(devices=[")


def test_a_graph_is_compiled_as_often_as_one_likes() -> None:
    graph, session = make_graph(), InferenceSession()
    first, second = session.compile(graph), session.compile(graph)
    assert first.code == second.code
    assert session.init(second)(ONES)[0].to_numpy().tolist() == [[1, 1]]


def test_one_compiled_model_takes_different_weights() -> None:
    session = InferenceSession()
    compiled = session.compile(make_graph(make_weight("w")))
    for value in (1, 2):
        registry = {"w": np.full(2, value, dtype=np.float32)}
        (result,) = session.init(compiled, weights_registry=registry)(ONES)
        assert result.to_numpy().tolist() == [[1 + value, 1 + value]]


@pytest.mark.parametrize(
    "elements",
    [
        np.ones(2, dtype=np.float32),
        torch.ones(2),
        WeightData.from_numpy(np.ones(2, dtype=np.float32), "w"),
    ],
    ids=["numpy", "torch", "WeightData"],
)
def test_weights_come_in_many_forms(elements: object) -> None:
    model = InferenceSession().load(make_graph(make_weight("w")), weights_registry={"w": elements})
    assert model(ONES)[0].to_numpy().tolist() == [[2, 2]]


def test_bound_weights_need_no_registry() -> None:
    weight = make_weight("w")
    weight.bind(torch.ones(2))
    assert InferenceSession().load(make_graph(weight))(ONES)[0].to_numpy().tolist() == [[2, 2]]


def test_weights_on_the_host_are_not_copied() -> None:
    elements = np.ones(2, dtype=np.float32)
    model = InferenceSession().load(make_graph(make_weight("w")), weights_registry={"w": elements})
    elements[:] = 5
    assert model(ONES)[0].to_numpy().tolist() == [[6, 6]]


def test_all_wrong_weights_are_told_together() -> None:
    graph = make_graph(*(make_weight(n) for n in ("good", "missing", "wide", "half")))
    registry = {
        "good": torch.ones(2),
        "wide": torch.ones(3),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "unused": torch.ones(1),
    }
    with pytest.raises(ValueError, match="weights of sums") as caught:
        InferenceSession().load(graph, weights_registry=registry)
    message = str(caught.value)
    assert "'missing' is missing" in message
    assert "'wide' had different shape (expected=[2], actual=[3])" in message
    assert "'half' had different dtype (expected=float32, actual=bfloat16)" in message
    assert "good" not in message


def test_graphs_without_outputs_are_refused() -> None:
    graph = Graph("unfinished", input_types=[X])
    with pytest.raises(ValueError, match=r"graph 'unfinished' has no outputs: call graph\.output"):
        InferenceSession().compile(graph)


def test_graphs_of_other_devices_are_refused() -> None:
    graph = Graph("g", lambda x: x, [TensorType(DType.float32, ["n"], DeviceRef.GPU(3))])
    with pytest.raises(ValueError, match="graph 'g' uses gpu:3, which the session lacks; it"):
        InferenceSession().compile(graph)


def test_nodes_without_use_are_dropped() -> None:
    def forward(x: Any) -> Any:
        ops.exp(x)
        return ops.relu(x)

    code = InferenceSession().compile(Graph("g", forward, [X])).code
    assert "torch.relu" in code
    assert "torch.exp" not in code
