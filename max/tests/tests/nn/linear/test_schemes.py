"""Linear layers whose matrix is several tensors: float8 elements and factors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, Shape, TensorType
from max.graph.weights import WeightData
from max.nn import MLP, Linear
from max.nn.linear.schemes import Plain, Scaled, scheme_of, stored_in_schemes

X = TensorType(DType.float32, ["n", 96], CPU())
# Shapes of the factors of a matrix [130, 96]: of all, of rows, of blocks of 64 x 32 elements.
SHAPES: list[tuple[int, ...]] = [(), (1,), (130, 1), (3, 3)]


def make_stored(
    shape: tuple[int, ...], name: str = "weight_scale_inv", rows: int = 130, columns: int = 96
) -> dict[str, WeightData]:
    torch.manual_seed(0)
    weight = torch.randn(rows, columns).to(torch.float8_e4m3fn)
    return {
        "weight": WeightData(weight, "weight", DType.float8_e4m3fn, Shape(weight.shape)),
        name: WeightData(torch.rand(shape) + 0.5, name, DType.float32, Shape(shape)),
    }


def decoded(stored: dict[str, WeightData], name: str = "weight_scale_inv") -> torch.Tensor:
    weight, scale = stored["weight"].data.float(), stored[name].data
    if scale.ndim == 2 and scale.shape[1] > 1:
        scale = scale.repeat_interleave(64, 0)[:130].repeat_interleave(32, 1)
    result: torch.Tensor = weight * scale
    return result


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["weight_scale_inv", "weight_scale"])
@pytest.mark.parametrize("has_bias", [False, True])
def test_a_layer_takes_what_the_checkpoint_has(
    shape: tuple[int, ...], name: str, has_bias: bool
) -> None:
    stored: dict[str, Any] = dict(make_stored(shape, name))
    bias = torch.randn(130) if has_bias else torch.zeros(130)
    layer = Linear(96, 130, DType.float32, CPU(), has_bias=has_bias)
    layer.load_state_dict({**stored, **({"bias": bias} if has_bias else {})})
    x = torch.randn(3, 96)
    torch.testing.assert_close(layer(x).data, x @ decoded(stored, name).T + bias)


def test_in_a_graph_each_layer_has_its_own() -> None:
    layer = MLP(DType.float32, None, 96, 130, [DeviceRef.CPU()])
    up = make_stored((3, 3))
    gate, down = torch.randn(130, 96), torch.randn(96, 130)
    scaled = {f"up_proj.{name}": value for name, value in up.items()}
    state = {"gate_proj.weight": gate, "down_proj.weight": down, **scaled}
    layer.load_state_dict(state)
    model = InferenceSession().load(Graph("mlp", layer, [X]), weights_registry=state)
    x = torch.randn(3, 96)
    (got,) = model.execute(x)
    hidden = torch.nn.functional.silu(x @ gate.T) * (x @ decoded(up).T)
    torch.testing.assert_close(got.tensor, hidden @ down.T, rtol=1e-4, atol=1e-3)
    assert model.compiled.layouts.keys() == {"gate_proj.weight", "down_proj.weight"}


def test_tensors_decide() -> None:
    stored = make_stored((3, 3))
    assert scheme_of(stored) == Scaled("weight_scale_inv", (3, 3), DType.float32)
    assert scheme_of({"weight": torch.ones(2, 2)}) == Plain()
    assert scheme_of({"weight": torch.ones(2, 2), "weight_scale": torch.ones(1)}) == Plain()
    assert scheme_of({"bias": torch.ones(2)}) == Plain()
    names = {"a.weight": stored["weight"], "a.weight_scale_inv": stored["weight_scale_inv"]}
    assert stored_in_schemes({**names, "b.weight": torch.ones(2, 2)}) == names.keys()


def test_what_no_scheme_knows_is_told() -> None:
    layer = Linear(96, 130, DType.float32, CPU())
    with pytest.raises(ValueError, match="input_scale"):
        layer.load_state_dict({**make_stored((1,)), "input_scale": torch.ones(1)})
    alone = Linear(96, 130, DType.float32, CPU())
    with pytest.raises(ValueError, match="different dtype"):
        alone.load_state_dict({"weight": make_stored((1,))["weight"]})


def test_experts_have_an_axis_more() -> None:
    weights = Plain().weights([8, 130, 96], DType.float32, CPU())
    assert weights["weight"].shape == Shape([8, 130, 96])
