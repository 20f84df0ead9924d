"""Weights as operands."""

from __future__ import annotations

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.graph import DeviceRef, Graph, TensorType, TensorValue, Weight

X = TensorType(DType.float32, ["n", 2], CPU())


def make_weight(name: str = "layers.0.weight") -> Weight:
    """A weight of shape [2]."""
    return Weight(name, DType.float32, [2], CPU())


def test_a_weight_is_one_named_input_however_often_it_is_used() -> None:
    weight = make_weight()
    graph = Graph("g", lambda x: x * weight + weight - weight, [X])
    assert graph.weights == {"layers.0.weight": weight}
    assert sum(n.op == "placeholder" for n in graph.fx.nodes) == 2


def test_two_weights_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two weights of graph 'g' are named 'layers\.0\.weight'"):
        Graph("g", lambda x: x * make_weight() + make_weight(), [X])


def test_operators_of_weights_are_ops() -> None:
    weight = make_weight()
    graph = Graph("g", lambda _: [2 - weight, weight < 1, -weight], [X])
    assert graph.output_types is not None
    assert [t.dtype for t in graph.output_types] == [DType.float32, DType.bool, DType.float32]
    weight.bind(torch.tensor([1.0, 2.0]))
    assert (2 - weight).data.tolist() == [1, 0]
    assert (weight < 2).data.tolist() == [True, False]
    assert (TensorValue(torch.ones(2)) + weight).data.tolist() == [2, 3]


def test_a_weight_without_elements_cannot_be_used_at_once() -> None:
    with pytest.raises(ValueError, match=r"weight 'layers\.0\.weight' has no elements: call load_"):
        make_weight() + 1


def test_a_weight_tells_its_type() -> None:
    weight = make_weight("w")
    assert weight.type == TensorType(DType.float32, [2], CPU())
    assert repr(weight) == "Weight('w', float32, [2], cpu:0)"
    assert not weight.is_bound


def test_weights_have_the_methods_of_tensors() -> None:
    weight = Weight("w", DType.float32, [2, 3], DeviceRef.CPU())
    with Graph("g") as graph:
        shapes = [
            weight.reshape([6]).shape,
            weight.transpose(0, 1).shape,
            weight.T.shape,
            weight.broadcast_to([4, 2, 3]).shape,
        ]
        assert weight.cast(DType.bfloat16).dtype is DType.bfloat16
        graph.output(weight.to(DeviceRef.CPU()))
    assert shapes == [[6], [3, 2], [3, 2], [4, 2, 3]]
