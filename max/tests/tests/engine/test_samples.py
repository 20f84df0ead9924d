"""The samples of the documentation, with the CPU where they name a GPU."""

from __future__ import annotations

import numpy as np
import pytest

from max import nn
from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, TensorType, TensorValue, Weight, ops


def test_the_relu_graph() -> None:
    device = CPU()
    input_type = TensorType(DType.float32, shape=[5], device=device)
    with Graph("relu_graph", input_types=[input_type]) as graph:
        x = graph.inputs[0].tensor
        graph.output(ops.relu(x))

    session = InferenceSession(devices=[device])
    compiled = session.compile(graph)
    model = session.init(compiled)
    result = model.execute(np.array([-2, -1, 0, 1, 2], dtype=np.float32))
    assert np.from_dlpack(result[0]).tolist() == [0, 0, 0, 1, 2]


class FeedForward(nn.Module):
    """Two linear layers with an activation between."""

    def __init__(self, dim: int, hidden: int, out_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden, DType.float32, DeviceRef.CPU())
        self.fc2 = nn.Linear(hidden, out_dim, DType.float32, DeviceRef.CPU())
        self.scale = Weight("scale", DType.float32, [out_dim], DeviceRef.CPU())

    def __call__(self, x: TensorValue) -> TensorValue:
        hidden = ops.silu(self.fc1(x))
        hidden.print("after_silu")
        return self.fc2(hidden) * self.scale


class Stack(nn.Module):
    """Modules one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential([FeedForward(4, 8, 4), FeedForward(4, 8, 2)])

    def __call__(self, x: TensorValue) -> TensorValue:
        result: TensorValue = self.layers(x)
        return result


def test_the_feed_forward_module(capsys: pytest.CaptureFixture[str]) -> None:
    model = Stack()
    random = np.random.default_rng(0)
    state_dict = {}
    for i, out_dim in enumerate((4, 2)):
        shapes = {"fc1.weight": (8, 4), "fc2.weight": (out_dim, 8), "scale": (out_dim,)}
        for name, shape in shapes.items():
            state_dict[f"layers.{i}.{name}"] = random.normal(size=shape).astype(np.float32)
    model.load_state_dict(state_dict)

    input_type = TensorType(DType.float32, ["batch", 4], DeviceRef.CPU())
    graph = Graph("feed_forward", forward=model, input_types=[input_type])
    session = InferenceSession(devices=[CPU()])
    runnable = session.load(graph, weights_registry=model.state_dict())
    x = random.normal(size=(3, 4)).astype(np.float32)
    result = runnable(x)[0].to_numpy()

    for i in range(2):
        hidden = x @ state_dict[f"layers.{i}.fc1.weight"].T
        hidden = hidden / (1 + np.exp(-hidden))
        x = hidden @ state_dict[f"layers.{i}.fc2.weight"].T * state_dict[f"layers.{i}.scale"]
    np.testing.assert_allclose(result, x, rtol=1e-5)
    assert capsys.readouterr().out.count("after_silu: float32 [3, 8]") == 2
