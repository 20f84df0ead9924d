"""Modules: names, state dicts and their errors."""

import numpy as np
import pytest

from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, TensorType, TensorValue, Weight, ops
from max.nn import Linear, Module, Sequential

CPU = DeviceRef.CPU()


class FeedForward(Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = Linear(dim, hidden, DType.float32, CPU)
        self.fc2 = Linear(hidden, dim, DType.float32, CPU, has_bias=True)
        self.scale = Weight("scale", DType.float32, [dim], CPU)

    def __call__(self, x: TensorValue) -> TensorValue:
        return self.fc2(ops.silu(self.fc1(x))) * self.scale


class Model(Module):
    # No super().__init__(): the documentation's samples leave it out.
    def __init__(self) -> None:
        self.layers = Sequential([FeedForward(4, 8), FeedForward(4, 8)])

    def __call__(self, x: TensorValue) -> TensorValue:
        result: TensorValue = self.layers(x)
        return result


NAMES = ["scale", "fc1.weight", "fc2.weight", "fc2.bias"]


def make_state_dict(model: Module) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        name: generator.standard_normal(weight.shape.static_dims).astype(np.float32)
        for name, weight in model.raw_state_dict().items()
    }


def test_names_are_paths_of_attributes() -> None:
    model = Model()
    assert list(model.raw_state_dict()) == [f"layers.{i}.{n}" for i in (0, 1) for n in NAMES]


def test_graph_and_direct_call_give_what_numpy_gives() -> None:
    model = Model()
    state = make_state_dict(model)
    model.load_state_dict(state)
    graph = Graph("m", forward=model, input_types=[TensorType(DType.float32, ["batch", 4], CPU)])
    runnable = InferenceSession().load(graph, weights_registry=model.state_dict())
    x = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    want = x
    for i in (0, 1):
        hidden = want @ state[f"layers.{i}.fc1.weight"].T
        hidden = hidden / (1 + np.exp(-hidden))
        want = hidden @ state[f"layers.{i}.fc2.weight"].T + state[f"layers.{i}.fc2.bias"]
        want = want * state[f"layers.{i}.scale"]
    np.testing.assert_allclose(runnable(x)[0].to_numpy(), want, rtol=1e-5)
    np.testing.assert_allclose(model(ops.constant(x)).to_numpy(), want, rtol=1e-5)


def test_all_problems_are_reported_together() -> None:
    model = Model()
    state = make_state_dict(model)
    state["layers.0.fcc1.weight"] = state.pop("layers.0.fc1.weight")
    state["extra"] = np.zeros(1, np.float32)
    state["layers.1.scale"] = np.zeros(5, np.float32)
    state["layers.1.fc2.bias"] = np.zeros(4, np.float64)
    with pytest.raises(ValueError) as error:
        model.load_state_dict(state)
    message = str(error.value)
    assert "Missing required weights: layers.0.fc1.weight" in message
    assert "For 'layers.0.fc1.weight', did you mean 'layers.0.fcc1.weight'?" in message
    assert "Unexpected keys in state_dict: extra, layers.0.fcc1.weight" in message
    assert "'layers.1.scale' had different shape (expected=[4], actual=[5])" in message
    assert "'layers.1.fc2.bias' had different dtype (expected=float32, actual=float64)" in message


def test_unexpected_keys_are_allowed_when_not_strict() -> None:
    model = Model()
    state = make_state_dict(model) | {"extra": np.zeros(1, np.float32)}
    model.load_state_dict(state, strict=False)
    assert "extra" not in model.state_dict()


def test_unloaded_weights_become_zeros_only_on_request() -> None:
    model = Model()
    with pytest.raises(ValueError, match=r"layers\.0\.scale.*load_state_dict"):
        model.state_dict(auto_initialize=False)
    assert not model.state_dict()["layers.0.scale"].to_numpy().any()


def test_shared_weights_have_one_name() -> None:
    class Tied(Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = Linear(4, 4, DType.float32, CPU)
            self.head = Linear(4, 4, DType.float32, CPU)
            self.head.set_shared_weight("weight", self.embed.weight)

        def __call__(self, x: TensorValue) -> TensorValue:
            return self.head(self.embed(x))

    model = Tied()
    assert list(model.raw_state_dict()) == ["embed.weight"]
    model.load_state_dict({"embed.weight": 2 * np.eye(4, dtype=np.float32)})
    x = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(model(ops.constant(x)).to_numpy(), 4 * x)


def test_replacing_a_layer_replaces_its_weights() -> None:
    model = FeedForward(4, 8)
    model.fc2 = Linear(8, 4, DType.float32, CPU)
    assert "fc2.bias" not in model.raw_state_dict()


def test_a_layer_is_replaced_by_its_path() -> None:
    model = Sequential([FeedForward(4, 8)])
    model.replace_module("0.fc2", Linear(8, 4, DType.float32, CPU))
    assert "0.fc2.bias" not in model.raw_state_dict()
    with pytest.raises(ValueError, match=r"no layer '0.fc3'; known: 0, 0.fc1, 0.fc2"):
        model.replace_module("0.fc3", FeedForward(4, 8))


def test_weights_of_two_modules_without_a_root_are_told_apart() -> None:
    one, two = Linear(4, 4, DType.float32, CPU), Linear(4, 4, DType.float32, CPU)
    with Graph("g", input_types=[TensorType(DType.float32, [1, 4], CPU)]) as graph:
        x = one(graph.inputs[0].tensor)
        with pytest.raises(ValueError, match="two weights of graph 'g' are named 'weight'"):
            two(x)
