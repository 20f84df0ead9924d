from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from transformers import AutoConfig, PretrainedConfig

from integration.test_common.parity import Pair, check_decoding, check_prompt
from integration.test_common.tiny_checkpoints import make_checkpoint, make_config
from integration.test_common.tiny_models import LLAMA3_ROPE, TINY_MODELS, TinyModel
from max.dtype import DType
from max.nn import LinearScalingParams, Llama3RopeScalingParams, LongRoPEScalingParams
from max.pipelines.architectures.llama3.llama3 import Llama3
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig, get_rope_theta
from max.pipelines.lib.decoder_config import rope_scaling
from tests.pipelines.architectures import checkpoints

LLAMA = TINY_MODELS["tiny-llama"]
LLAMA3_PARAMS = Llama3RopeScalingParams(8.0, 1.0, 4.0, 32)


def make_folder(tmp_path: Path, model: TinyModel = LLAMA, **changes: Any) -> Path:
    folder = make_checkpoint(model, tmp_path / "model")
    checkpoints.change_config(folder, changes)
    return folder


def resolved(folder: Path, **settings: object) -> PipelineConfig:
    config = checkpoints.make_config(folder, **settings)
    PIPELINE_REGISTRY.resolve(config)
    return config


def test_sizes(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, TINY_MODELS["tiny-llama-odd"])
    config = Llama3Config.initialize(resolved(folder))
    assert (config.hidden_size, config.intermediate_size) == (72, 99)
    assert (config.num_attention_heads, config.num_key_value_heads) == (4, 2)
    assert config.num_hidden_layers == 3
    assert config.vocab_size == 259
    assert config.dtype is DType.float32
    assert config.attention_multiplier == 0.25  # 16 ** -0.5
    assert config.rope_theta == 10000.0
    assert config.rope_scaling_params is None
    assert (config.attention_bias, config.attention_output_bias, config.mlp_bias) == (False,) * 3
    assert config.get_max_seq_len() == 512
    params = config.get_kv_params()
    assert params.shape_per_block == [2, 3, 16, 2, 16]


def test_head_dim_that_config_does_not_have(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, head_dim=None)
    assert Llama3Config.initialize(resolved(folder)).kv_params.head_dim == 16  # 64 / 4


def test_max_length(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    shorter = resolved(folder, max_length=100)
    assert Llama3Config.initialize(shorter).get_max_seq_len() == 100
    with pytest.raises(ValueError, match=r"max_length of 513 is more than the 512 tokens.*lower"):
        Llama3Config.initialize(resolved(folder, max_length=513))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rope_type": "default"}, None),
        ({"rope_type": "linear", "factor": 4.0}, LinearScalingParams(4.0)),
        (LLAMA3_ROPE, LLAMA3_PARAMS),
    ],
)
def test_rope_scaling_as_transformers_5_writes_it(
    given: Mapping[str, Any], expected: object
) -> None:
    config = make_config(replace(LLAMA, rope_scaling=given, rope_theta=1234.0))
    assert config.to_dict()["rope_parameters"]["rope_theta"] == 1234.0
    assert rope_scaling(config) == expected
    assert get_rope_theta(config) == 1234.0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({"type": "linear", "factor": 4.0}, LinearScalingParams(4.0)),
        ({"rope_type": "linear", "factor": 4.0}, LinearScalingParams(4.0)),
        (LLAMA3_ROPE, LLAMA3_PARAMS),
    ],
)
def test_rope_scaling_as_transformers_4_wrote_it(
    tmp_path: Path, given: Mapping[str, Any] | None, expected: object
) -> None:
    """Read by this release of transformers, and as a configuration that it leaves alone."""
    old: dict[str, Any] = {"rope_parameters": None, "rope_theta": 1234.0, "rope_scaling": given}
    folder = make_folder(tmp_path, **old)
    raw = {"rope_theta": 1234.0, "rope_scaling": given}
    untouched = cast("PretrainedConfig", SimpleNamespace(**raw))
    for config in (AutoConfig.from_pretrained(folder), untouched):
        assert rope_scaling(config) == expected
        assert get_rope_theta(config) == 1234.0


@pytest.mark.parametrize("kind", ["linear", "llama3"])
def test_transformers_4_checkpoint_has_the_same_logits(tmp_path: Path, kind: str) -> None:
    scaling = {"type": "linear", "factor": 2.0} if kind == "linear" else dict(LLAMA3_ROPE)
    old: dict[str, Any] = {"rope_parameters": None, "rope_theta": 500000.0, "rope_scaling": scaling}
    check_prompt(Pair(make_folder(tmp_path, **old)), 128)


def test_unknown_rope_scaling(tmp_path: Path) -> None:
    ntk = {"rope_type": "ntk", "factor": 4.0, "rope_theta": 10000.0}
    folder = make_folder(tmp_path, rope_parameters=ntk)
    with pytest.raises(ValueError, match="'ntk' is not supported; known: linear, dynamic"):
        Llama3Config.initialize(resolved(folder))


def test_architecture_is_read_from_the_checkpoint_alone(tmp_path: Path) -> None:
    """`model_type` names transformers' class; `architectures` ours."""
    folder = make_folder(tmp_path, architectures=["Qwen2ForCausalLM"])
    assert resolved(folder).model.architecture_name == "Qwen2ForCausalLM"


def test_gelu_and_another_eps(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, hidden_act="gelu", rms_norm_eps=0.1)
    check_decoding(Pair(folder))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("norm_dtype", DType.bfloat16),
        ("quantization_config", {"bits": 4}),
        ("quant_config", "fp8"),
        ("stacked_mlp", True),
        ("target_layer_ids", [1]),
        ("data_parallel_degree", 2),
    ],
)
def test_documented_fields_without_effect_are_refused(
    tmp_path: Path, field: str, value: object
) -> None:
    config = Llama3Config.initialize(resolved(make_folder(tmp_path)))
    Llama3(config)
    setattr(config, field, value)
    with pytest.raises(NotImplementedError, match=f"Llama3Config: not supported.*{field}="):
        Llama3(config)


def test_long_rope_parameters_by_their_documented_name(tmp_path: Path) -> None:
    config = Llama3Config.initialize(resolved(make_folder(tmp_path)))
    config.longrope_scaling_params = LongRoPEScalingParams((1.0,) * 8, (2.0,) * 8, 32, 64)
    Llama3(config)
    assert config.rope_scaling_params is config.longrope_scaling_params
