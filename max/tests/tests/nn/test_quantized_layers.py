"""Linear and Embedding do what the weight that they were given needs."""

from __future__ import annotations

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.engine import InferenceSession
from max.graph import DeviceRef, Graph, Shape, TensorType, TensorValue
from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.graph.weights import WeightData
from max.nn import MLP, Embedding, Linear, Module, RMSNorm
from tests.graph.packed_rows import make_packed

Q4_K, Q8_0 = QuantizationEncoding.Q4_K, QuantizationEncoding.Q8_0


def make_data(encoding: QuantizationEncoding, rows: int, elements: int) -> WeightData:
    packed = make_packed(encoding, rows, elements)
    return WeightData(packed, "w", DType.uint8, Shape(packed.shape), encoding)


def decoded(data: WeightData) -> torch.Tensor:
    assert data.quantization_encoding is not None
    return dequantize_rows(data.data, data.quantization_encoding)


class Tied(Module):
    """An embedding whose table is the head too."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = Embedding(8, 256, DType.float32, CPU())
        self.head = Linear(256, 8, DType.float32, CPU())
        self.head.set_shared_weight("weight", self.embed.weight)

    def __call__(self, tokens: TensorValue) -> TensorValue:
        return self.head(self.embed(tokens))


@pytest.mark.parametrize("encoding", [Q4_K, Q8_0])
@pytest.mark.parametrize("has_bias", [False, True])
def test_linear(encoding: QuantizationEncoding, has_bias: bool) -> None:
    layer = Linear(256, 5, DType.float32, CPU(), has_bias=has_bias)
    weight, bias = make_data(encoding, 5, 256), torch.arange(5.0)
    layer.load_state_dict({"weight": weight, **({"bias": bias} if has_bias else {})})
    x = torch.linspace(-1, 1, 512).reshape(2, 256)
    expected = x @ decoded(weight).T + (bias if has_bias else 0)
    torch.testing.assert_close(layer(x).data, expected)


def test_in_a_graph_the_weight_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a kernel wants it in another layout."""
    monkeypatch.setattr("max.kernels.layouts.panels.BLOCK_UNITS", {})
    model = Tied()
    table = make_data(Q4_K, 8, 256)
    model.load_state_dict({"embed.weight": table})
    graph = Graph("tied", model, [TensorType(DType.int64, ["n"], CPU())])
    session = InferenceSession()
    loaded = session.load(graph, weights_registry=model.state_dict())
    tokens = torch.tensor([3, 0, 7])
    (got,) = loaded.execute(tokens)
    rows = decoded(table)
    torch.testing.assert_close(got.tensor, rows[tokens] @ rows.T)
    (kept,) = loaded.weights.values()
    assert kept.data_ptr() == table.data.data_ptr()


def test_each_weight_of_a_layer_has_its_own_encoding() -> None:
    layer = MLP(DType.float32, None, 256, 512, [DeviceRef.CPU()])
    state = {
        "gate_proj.weight": make_data(Q4_K, 512, 256),
        "up_proj.weight": WeightData.from_numpy(torch.ones(512, 256).numpy(), "up"),
        "down_proj.weight": make_data(QuantizationEncoding.Q6_K, 256, 512),
    }
    layer.load_state_dict(state)
    x = torch.linspace(0, 1, 256)[None]
    gate = torch.nn.functional.silu(x @ decoded(state["gate_proj.weight"]).T)
    hidden = gate * (x @ torch.ones(256, 512))
    expected = hidden @ decoded(state["down_proj.weight"]).T
    torch.testing.assert_close(
        layer(x).data, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_elements_are_decoded_as_they_are_read(dtype: torch.dtype) -> None:
    elements = torch.randn(4, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
    data = WeightData(elements, "w", DType.from_torch(dtype), Shape(elements.shape)).as_encoded()
    assert data.to_buffer().tensor.data_ptr() == elements.data_ptr()
    layer = Linear(64, 4, DType.float32, CPU())
    layer.load_state_dict({"weight": data})
    x = torch.linspace(-1, 1, 64)[None]
    torch.testing.assert_close(layer(x).data, x @ elements.float().T)


def test_an_encoding_that_does_not_fit_is_told_with_the_weight() -> None:
    layer = Linear(64, 4, DType.float32, CPU())
    with pytest.raises(ValueError, match="'weight': a row of 64 elements cannot be Q4_K"):
        layer.load_state_dict({"weight": make_data(Q4_K, 4, 256)})
    with pytest.raises(ValueError, match=r"expected=\[4, 68\], actual=\[4, 34\]"):
        layer.load_state_dict({"weight": make_data(Q8_0, 4, 32)})


def test_other_layers_do_not_take_bytes_for_elements() -> None:
    norm = RMSNorm(256, DType.float32, device=CPU())
    packed = make_packed(Q4_K, 1, 256)[0]
    data = WeightData(packed, "w", DType.uint8, Shape(packed.shape), Q4_K)
    norm.load_state_dict({"weight": data})
    with pytest.raises(ValueError, match="weight 'weight' is Q4_K-encoded, and is used by"):
        norm(torch.zeros(2, 256))


def test_declared_encodings_take_plain_bytes() -> None:
    layer = Linear(256, 4, DType.float32, CPU(), quantization_encoding=Q4_K)
    packed = make_packed(Q4_K, 4, 256)
    layer.load_state_dict({"weight": packed})
    torch.testing.assert_close(
        layer(torch.ones(1, 256)).data, dequantize_rows(packed, Q4_K).sum(-1)[None]
    )
