from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from max.graph.quantization import QuantizationEncoding
from max.graph.weights import WeightData
from max.pipelines.lib.decoder_weights import split_grouped, split_stacked

# Queries of four heads, keys and values of two, three elements each: 24 rows.
CONFIG = cast(
    "Any",
    SimpleNamespace(
        hidden_size=12, num_attention_heads=4, num_key_value_heads=2, intermediate_size=5
    ),
)


def make_rows(count: int, name: str = "layers.0.self_attn.qkv_proj.weight") -> WeightData:
    """Row i holds i."""
    rows = np.arange(count, dtype=np.float32)[:, None].repeat(2, axis=1)
    return WeightData.from_numpy(rows, name)


def first_column(data: WeightData) -> list[int]:
    return [int(row) for row in data.to_numpy()[:, 0]]


def test_stacked_rows() -> None:
    gate_up = "layers.0.mlp.gate_up_proj.weight"
    weights = {"layers.0.self_attn.qkv_proj.weight": make_rows(24), gate_up: make_rows(10)}
    found = split_stacked({**weights, "norm.weight": make_rows(3)}, CONFIG)
    rows = {name: first_column(data) for name, data in found.items()}
    assert rows == {
        "layers.0.self_attn.q_proj.weight": list(range(12)),
        "layers.0.self_attn.k_proj.weight": list(range(12, 18)),
        "layers.0.self_attn.v_proj.weight": list(range(18, 24)),
        "layers.0.mlp.gate_proj.weight": list(range(5)),
        "layers.0.mlp.up_proj.weight": list(range(5, 10)),
        "norm.weight": [0, 1, 2],
    }


def test_encoded_rows_stay_encoded() -> None:
    data = make_rows(24)
    data.quantization_encoding = QuantizationEncoding.Q8_0
    found = split_stacked({"a.qkv_proj.weight": data}, CONFIG)
    assert found["a.k_proj.weight"].quantization_encoding is QuantizationEncoding.Q8_0
    assert first_column(found["a.k_proj.weight"]) == list(range(12, 18))


def test_a_factor_of_the_whole_matrix_is_that_of_each_part() -> None:
    factor = WeightData.from_numpy(np.array([0.5], np.float32), "scale")
    found = split_stacked({"a.qkv_proj.weight_scale": factor}, CONFIG)
    assert set(found) == {f"a.{part}_proj.weight_scale" for part in "qkv"}
    assert all(data is factor for data in found.values())


def test_grouped_rows() -> None:
    """Each of two KV heads has six rows of queries, three of keys and three of values."""
    found = split_grouped({"a.qkv_proj.weight": make_rows(24)}, 4, 2, 3)
    assert first_column(found["a.q_proj.weight"]) == [*range(6), *range(12, 18)]
    assert first_column(found["a.k_proj.weight"]) == [6, 7, 8, 18, 19, 20]
    assert first_column(found["a.v_proj.weight"]) == [9, 10, 11, 21, 22, 23]


def test_other_rows_than_config_says() -> None:
    weights = {"a.qkv_proj.weight": make_rows(23)}
    with pytest.raises(ValueError, match=r"'a\.qkv_proj\.weight' has 23 rows, .* asks for 24"):
        split_stacked(weights, CONFIG)
    with pytest.raises(ValueError, match=r"has 23 rows, but config\.json asks for 24"):
        split_grouped(weights, 4, 2, 3)
