"""Weights in the form that the model computes with, and the quantized ones that are kept."""

from __future__ import annotations

import json
import os
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
from max.pipelines.lib.packed_cache import PackedCache
from max.pipelines.lib.weight_encoding import (
    encode_weights,
    encoded_bytes,
    keep_quantized,
    quantization_plan,
)

Q = QuantizationEncoding
MATRIX = "layers.0.mlp.up_proj.weight"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("MODULAR_MAX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packed"


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


@pytest.mark.parametrize("encoding", ["float32", "bfloat16", "q4_k", "q8_0"])
def test_sizes_are_told_before(folder: Path, encoding: str) -> None:
    config = make_config(folder, encoding)
    state = read(folder)
    encoded = encode_weights(state, config)
    actual = sum(data.to_buffer().tensor.nbytes for data in encoded.values())
    assert encoded_bytes(state, config) == actual


def test_kept_weights_are_mapped_at_the_next_start(folder: Path, cache: Path) -> None:
    config = make_config(folder, "q4_k")
    made = encode_weights(read(folder), config)
    assert not cache.exists(), "only warm-cache keeps them"
    assert keep_quantized(read(folder), config) is not None
    (kept,) = cache.iterdir()
    assert sorted(path.name for path in kept.iterdir()) == ["checksums.json", "weights.gguf"]
    mapped = encode_weights(read(folder), config)
    for name, data in made.items():
        assert torch.equal(mapped[name].to_buffer().tensor, data.to_buffer().tensor)
        assert mapped[name].quantization_encoding is data.quantization_encoding
    plan = quantization_plan(read(folder), Q.Q4_K)
    loaded = PackedCache.of(config, Q.Q4_K).load(plan)
    assert loaded is not None
    assert loaded.keys() == plan.keys()


def test_keeping_twice_makes_them_once(folder: Path, cache: Path) -> None:
    config = make_config(folder, "q8_0")
    keep_quantized(read(folder), config)
    (kept,) = cache.iterdir()
    before = (kept / "weights.gguf").stat().st_ino
    keep_quantized(read(folder), config)
    assert (kept / "weights.gguf").stat().st_ino == before


@pytest.mark.parametrize("damage", ["flip", "cut", "checksums", "missing", "other"])
def test_damaged_ones_are_made_anew(
    folder: Path, cache: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    config = make_config(folder, "q4_k")
    made = encode_weights(read(folder), config)
    keep_quantized(read(folder), config)
    (kept,) = cache.iterdir()
    weights, checksums = kept / "weights.gguf", kept / "checksums.json"
    content = weights.read_bytes()
    if damage == "flip":
        weights.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
    elif damage == "cut":
        weights.write_bytes(content[:-100])
    elif damage == "missing":
        weights.unlink()
    elif damage == "other":
        checksums.write_text("{}")
    else:
        checksums.write_text("{")
    again = encode_weights(read(folder), config)
    assert torch.equal(again[MATRIX].to_buffer().tensor, made[MATRIX].to_buffer().tensor)
    assert "in the cache are damaged and made anew" in caplog.text
    assert not kept.exists()


def test_other_files_are_another_model(folder: Path, cache: Path) -> None:
    keep_quantized(read(folder), make_config(folder, "q4_k"))
    keep_quantized(read(folder), make_config(folder, "q6_k"))
    file = folder / "model.safetensors"
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    keep_quantized(read(folder), make_config(folder, "q4_k"))
    assert len(list(cache.iterdir())) == 3


def test_nothing_is_kept_where_nothing_is_made(folder: Path, cache: Path) -> None:
    assert keep_quantized(read(folder), make_config(folder, "bfloat16")) is None
    assert not cache.exists()


def test_checksums_are_of_every_weight(folder: Path, cache: Path) -> None:
    keep_quantized(read(folder), make_config(folder, "q4_k"))
    (kept,) = cache.iterdir()
    assert json.loads((kept / "checksums.json").read_text()).keys() == {
        MATRIX,
        "embed_tokens.weight",
    }
