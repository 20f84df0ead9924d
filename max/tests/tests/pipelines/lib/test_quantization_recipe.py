"""Which matrices get more bits."""

from __future__ import annotations

import pytest

from max.graph.quantization import QuantizationEncoding
from max.pipelines.lib.quantization_recipe import encoding_of_weight, is_multiplied, num_layers

Q = QuantizationEncoding


def encoding(
    name: str, wanted: Q, elements: int = 256, layers: int = 16, is_tied: bool = False
) -> Q | None:
    return encoding_of_weight(name, elements, wanted, layers, is_tied=is_tied)


def test_routers_are_not_quantized_but_experts_are() -> None:
    """What decides which experts a token gets, and how much of them, is a few rows."""
    mlp = "layers.3.mlp"
    assert not is_multiplied(f"{mlp}.router.weight", 2)
    assert not is_multiplied(f"{mlp}.shared_expert_gate.weight", 2)
    assert not is_multiplied(f"{mlp}.correction", 1)
    assert is_multiplied(f"{mlp}.experts.gate_proj.weight", 3)
    assert not is_multiplied(f"{mlp}.experts.gate_proj.bias", 2)
    assert is_multiplied(f"{mlp}.shared_expert.gate_proj.weight", 2)


def test_layers_are_counted() -> None:
    assert num_layers(["layers.0.a", "model.layers.11.b", "norm"]) == 12
    assert num_layers(["norm"]) == 0


@pytest.mark.parametrize("part", ["self_attn.v_proj", "mlp.down_proj"])
def test_half_of_the_sensitive_matrices_are_larger(part: str) -> None:
    """Layers 0, 1, 4, 7, 10, 13, 14, 15 of 16: `use_more_bits` of llama.cpp, worked out."""
    larger = [i for i in range(16) if encoding(f"layers.{i}.{part}.weight", Q.Q4_K) is Q.Q6_K]
    assert larger == [0, 1, 4, 7, 10, 13, 14, 15]
    assert encoding(f"layers.0.{part}.weight", Q.Q8_0) is Q.Q8_0
    assert encoding(f"layers.0.{part}.weight", Q.Q4_0) is Q.Q4_0


def test_other_matrices_are_as_asked() -> None:
    for wanted in (Q.Q4_0, Q.Q4_K, Q.Q5_K, Q.Q6_K, Q.Q8_0):
        assert encoding("layers.0.self_attn.q_proj.weight", wanted) is wanted
        assert encoding("embed_tokens.weight", wanted) is wanted


def test_the_head_is_larger_whatever_it_is_called() -> None:
    assert encoding("lm_head.weight", Q.Q4_K) is Q.Q6_K
    assert encoding("lm_head.weight", Q.Q4_0) is Q.Q6_K
    assert encoding("lm_head.weight", Q.Q8_0) is Q.Q8_0
    assert encoding("embed_tokens.weight", Q.Q4_K, is_tied=True) is Q.Q6_K


@pytest.mark.parametrize(
    ("wanted", "smaller"),
    [(Q.Q4_K, Q.Q5_0), (Q.Q5_K, Q.Q5_1), (Q.Q6_K, Q.Q8_0), (Q.Q4_0, Q.Q4_0)],
)
def test_rows_that_are_no_whole_blocks_have_smaller_ones(wanted: Q, smaller: Q) -> None:
    """As in llama.cpp."""
    assert encoding("layers.0.mlp.up_proj.weight", wanted, elements=96) is smaller
    assert encoding("layers.0.mlp.up_proj.weight", wanted, elements=99) is None


def test_a_family_says_which_layers_are_sensitive() -> None:
    own = ("value",)
    for name, expected in (("value", Q.Q6_K), ("v_proj", Q.Q4_K)):
        weight = f"layers.0.{name}.weight"
        assert encoding_of_weight(weight, 256, Q.Q4_K, 1, own, is_tied=False) is expected
