"""Weights in the form that the model computes with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from max.dtype import DType
from max.graph import Shape
from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.graph.weights import WeightData, load_weights
from max.pipelines.config import MAXModelConfig
from max.pipelines.lib.weight_encoding import encode_weights, encoded_bytes

Q = QuantizationEncoding
MATRIX = "layers.0.mlp.up_proj.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of one matrix, one of odd rows, an embedding and a norm, in bfloat16."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text('{"architectures": ["X"], "model_type": "llama"}')
    (made / "tokenizer.json").touch()
    generator = torch.Generator().manual_seed(0)
    shapes = {MATRIX: (6, 256), "layers.0.odd.weight": (4, 33), "embed_tokens.weight": (9, 256)}
    weights = {n: torch.randn(s, generator=generator).bfloat16() for n, s in shapes.items()}
    weights["norm.weight"] = torch.ones(256).bfloat16()
    save_file(weights, made / "model.safetensors")
    return made


def make_config(folder: Path, encoding: str) -> MAXModelConfig:
    settings: dict[str, Any] = {"model_path": str(folder), "quantization_encoding": encoding}
    return MAXModelConfig.model_validate({**settings, "device_specs": "cpu"})


def read(folder: Path) -> dict[str, WeightData]:
    return {name: w.data() for name, w in load_weights(folder / "model.safetensors").items()}


def test_plain_weights_are_cast(folder: Path) -> None:
    state = read(folder)
    encoded = encode_weights(state, make_config(folder, "float32"))
    assert {data.dtype for data in encoded.values()} == {DType.float32}
    same = encode_weights(state, make_config(folder, "bfloat16"))
    assert all(same[name].data is state[name].data for name in state)


def test_matrices_are_quantized(folder: Path) -> None:
    state = read(folder)
    encoded = encode_weights(state, make_config(folder, "q4_k"))
    assert {name: data.quantization_encoding for name, data in encoded.items()} == {
        MATRIX: Q.Q4_K,
        "embed_tokens.weight": Q.Q6_K,  # there is no other head
        "layers.0.odd.weight": Q.BF16,
        "norm.weight": None,
    }
    assert encoded["norm.weight"].dtype is DType.float32
    decoded = dequantize_rows(encoded[MATRIX].to_buffer().tensor, Q.Q4_K)
    torch.testing.assert_close(decoded, state[MATRIX].data.float(), rtol=0, atol=0.3)


def test_encoded_weights_stay_as_they_are(folder: Path) -> None:
    """As those of a GGUF file, whose plain matrices are not quantized either."""
    packed = torch.zeros(2, 144, dtype=torch.uint8)
    state = {
        "a.weight": WeightData(packed, "a.weight", DType.uint8, Shape(packed.shape), Q.Q4_K),
        "b.weight": WeightData(torch.zeros(2, 256), "b.weight", DType.float32, Shape([2, 256])),
    }
    encoded = encode_weights(state, make_config(folder, "q4_k"))
    assert encoded["a.weight"].data is packed
    assert encoded["b.weight"].dtype is DType.float32


def test_matrices_of_half_precision_stay_in_a_float16_model(folder: Path) -> None:
    state = read(folder)
    state[MATRIX] = state[MATRIX].astype(DType.float16)
    encoded = encode_weights(state, make_config(folder, "float16"))
    encodings = {name: data.quantization_encoding for name, data in encoded.items()}
    assert encodings == dict.fromkeys(state, Q.BF16) | {MATRIX: Q.F16, "norm.weight": None}
    assert encoded["norm.weight"].dtype is DType.float32


@pytest.mark.parametrize("encoding", ["float32", "bfloat16", "float16", "q4_k", "q8_0"])
def test_sizes_are_told_before(folder: Path, encoding: str) -> None:
    config = make_config(folder, encoding)
    state = read(folder)
    encoded = encode_weights(state, config)
    actual = sum(data.to_buffer().tensor.nbytes for data in encoded.values())
    assert encoded_bytes(state, config) == actual


def test_matrices_of_several_tensors_stay_as_they_are(folder: Path) -> None:
    weight, scale = torch.ones(6, 256).to(torch.float8_e4m3fn), torch.full((1, 2), 0.5)
    state = {
        "a.weight": WeightData(weight, "a", DType.float8_e4m3fn, Shape([6, 256])),
        "a.weight_scale_inv": WeightData(scale, "a", DType.float32, Shape([1, 2])),
        "b.weight": WeightData(torch.ones(6, 256), "b", DType.float32, Shape([6, 256])),
    }
    for wanted in ("bfloat16", "q4_k"):
        config = make_config(folder, wanted)
        encoded = encode_weights(state, config)
        assert encoded["a.weight"] is state["a.weight"]
        assert encoded["a.weight_scale_inv"] is state["a.weight_scale_inv"]
        assert encoded["b.weight"].dtype is not DType.float32
        sizes = [data.to_buffer().tensor.nbytes for data in encoded.values()]
        assert encoded_bytes(state, config) == sum(sizes)
