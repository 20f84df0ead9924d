"""Every scaling against transformers' own functions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from max import nn
from max.dtype import DType
from max.graph import DeviceRef, Graph, TensorType, ops
from max.nn.rope import ROPE_SCALINGS, Rope, rope_scaling_of

LONG = {
    "rope_type": "longrope",
    "short_factor": [1.0 + 0.1 * i for i in range(8)],
    "long_factor": [2.0 + i for i in range(8)],
    "original_max_position_embeddings": 128,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
THETA = 500.0


def config_of(parameters: dict[str, Any]) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=64,
        num_attention_heads=4,
        max_position_embeddings=512,
        rope_parameters={"rope_theta": THETA, **parameters},
    )


def make_rope(parameters: dict[str, Any], max_len: int, rotary_dim: int = 16) -> Rope:
    return Rope(rotary_dim, THETA, max_len, scaling=rope_scaling_of(parameters, 512))


@pytest.mark.parametrize("max_len", [64, 2048])
@pytest.mark.parametrize(
    "parameters",
    [
        {"rope_type": "linear", "factor": 4.0},
        {"rope_type": "dynamic", "factor": 4.0},
        LLAMA3,
        YARN,
        YARN | {"truncate": False, "beta_fast": 16.0, "beta_slow": 2.0},
        YARN | {"mscale": 0.7, "mscale_all_dim": 1.2},
        YARN | {"attention_factor": 1.25},
        YARN | {"factor": 0.5},
        LONG,
        LONG | {"factor": 32.0},
        LONG | {"factor": 0.5},
        LONG | {"attention_factor": 1.25},
    ],
    ids=lambda p: " ".join(f"{k}={v}" for k, v in p.items() if not isinstance(v, list)),
)
def test_scalings(parameters: dict[str, Any], max_len: int) -> None:
    function = ROPE_INIT_FUNCTIONS[parameters["rope_type"]]
    want, magnitude = function(config_of(parameters), torch.device("cpu"), seq_len=max_len)
    rope = make_rope(parameters, max_len)
    torch.testing.assert_close(rope.inverse_frequencies(), want, rtol=1e-6, atol=0)
    assert rope.scaling.magnitude() == pytest.approx(magnitude, rel=1e-6)
    table = rope.freqs_cis.data
    angles = torch.outer(torch.arange(max_len).float(), want)
    torch.testing.assert_close(table[..., 0], angles.cos() * magnitude, rtol=1e-5, atol=2e-3)


def test_every_scaling_of_transformers_but_gemma4_s_is_in_the_table() -> None:
    assert {*ROPE_SCALINGS, "proportional"} == set(ROPE_INIT_FUNCTIONS)


def test_a_part_of_the_head_is_turned() -> None:
    want, _ = ROPE_INIT_FUNCTIONS["linear"](
        config_of({"rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}), None
    )
    rope = make_rope({"rope_type": "linear", "factor": 2.0}, 32, rotary_dim=8)
    torch.testing.assert_close(rope.inverse_frequencies(), want, rtol=0, atol=0)
    assert rope.freqs_cis.shape == [32, 4, 2]


def test_plain_rope_is_that_of_transformers() -> None:
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    rope = nn.RotaryEmbedding(64, 4, THETA, 32)
    want = LlamaRotaryEmbedding(config_of({"rope_type": "default"})).inv_freq
    torch.testing.assert_close(rope.inverse_frequencies(), want, rtol=0, atol=0)
    assert rope.freqs_cis.shape == [32, 8, 2]
    assert rope.compute_scale() == 0.25 and rope.compute_scale(0.1) == 0.1


def test_documented_classes_take_their_parameters() -> None:
    params = nn.Llama3RopeScalingParams(8.0, 1.0, 4.0, 64)
    rope = nn.Llama3RotaryEmbedding(64, 4, THETA, 32, scaling_params=params)
    assert torch.equal(rope.inverse_frequencies(), make_rope(LLAMA3, 32).inverse_frequencies())
    given = ops.constant(torch.zeros(32, 8, 2))
    assert nn.RotaryEmbedding(64, 4, THETA, 32, _freqs_cis=given).freqs_cis is given


def test_deepseek_s_yarn_scales_the_scores_too() -> None:
    yarn = nn.YarnScalingParams(40.0, 4096, mscale=1.0, mscale_all_dim=1.0)
    rope = nn.DeepseekYarnRotaryEmbedding(64, 4, THETA, 32, scaling_params=yarn)
    # 0.1 * ln(40) + 1 = 1.368888, as DeepSeek-V2's modeling code has it.
    assert rope.compute_scale() == pytest.approx(0.25 * 1.368888**2, rel=1e-5)
    assert yarn.magnitude() == 1.0


def test_a_graph_has_one_table_however_often_it_is_used() -> None:
    rope = Rope(16, THETA, 32)
    device = DeviceRef.CPU()
    with Graph("ropes", input_types=[TensorType(DType.float32, [32, 8, 2], device)]) as graph:
        graph.output(graph.inputs[0].tensor + rope.table(device) + rope.freqs_cis)
    assert len(graph.constants) == 1


def test_what_is_wrong_with_the_parameters_is_said() -> None:
    with pytest.raises(ValueError, match=r"'ntk' is not supported; known: linear, dynamic"):
        rope_scaling_of({"rope_type": "ntk"}, 512)
    with pytest.raises(ValueError, match=r"'yarn' needs 'factor', which config\.json"):
        rope_scaling_of({"rope_type": "yarn"}, 512)
    with pytest.raises(ValueError, match="2 rope factors for 8 pairs"):
        Rope(16, THETA, 32, scaling=nn.RopeFactors((1.0, 2.0))).inverse_frequencies()
