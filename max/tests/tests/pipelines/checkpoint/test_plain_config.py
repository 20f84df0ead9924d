"""A plain config.json means what transformers reads in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from max.demo import model_path
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.hf_files import load_huggingface_config
from max.pipelines.checkpoint.plain_config import PlainConfig, is_plain
from max.pipelines.lib.registry import PIPELINE_REGISTRY

MakeCheckpoint = Callable[..., Path]
SIZES: dict[str, Any] = {
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "max_position_embeddings": 256,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 320,
}
# What architectures read of a configuration; `rope_theta` and the like are read by one helper.
FIELDS = (*SIZES, "model_type", "tie_word_embeddings")


@pytest.mark.parametrize(
    "model_type",
    [a.config_fields.model_type for a in PIPELINE_REGISTRY.all_architectures() if a.config_fields],
)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"tie_word_embeddings": True, "use_sliding_window": False, "head_dim": 16},
        {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    ],
)
def test_says_what_transformers_says(
    make_checkpoint: MakeCheckpoint, model_type: str, more: dict[str, Any]
) -> None:
    folder = make_checkpoint(**SIZES | more | {"model_type": model_type})
    plain: Any = load_huggingface_config(folder, trust_remote_code=False)
    complete: Any = AutoConfig.from_pretrained(folder)
    assert isinstance(plain, PlainConfig)
    for name in FIELDS:
        assert getattr(plain, name) == getattr(complete, name), name
    for name in ("attention_bias", "mlp_bias"):
        assert getattr(plain, name) == getattr(complete, name, False), name


def test_transformers_answers_what_else_is_asked(make_checkpoint: MakeCheckpoint) -> None:
    plain: Any = load_huggingface_config(make_checkpoint(**SIZES), trust_remote_code=False)
    assert plain.initializer_range == 0.02  # LlamaConfig's default
    assert plain.to_dict()["hidden_size"] == 64
    with pytest.raises(AttributeError):
        _ = plain.no_such_field


@pytest.mark.parametrize(
    "change",
    [
        {"auto_map": {"AutoConfig": "own.Config"}},
        {"quantization_config": {"quant_method": "gptq"}},
        {"hidden_size": "64"},
        {"hidden_size": 66},
        {"num_hidden_layers": 0},
        {"num_key_value_heads": None},
        {"head_dim": 15},
        {"tie_word_embeddings": 1},
        {"clip_qkv": "8"},
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
        {"rope_parameters": {"rope_type": "linear"}},
    ],
)
def test_the_unusual_is_left_to_transformers(change: dict[str, Any]) -> None:
    family = ConfigFields("mine", own={"clip_qkv": 1.0})
    assert is_plain(SIZES, family)
    assert not is_plain(SIZES | change, family)


def test_another_model_type_is_left_to_transformers(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint(**SIZES | {"model_type": "mistral"})
    assert not isinstance(load_huggingface_config(folder, trust_remote_code=False), PlainConfig)


def test_neither_config_nor_devices_import_torch_or_transformers(
    child_environment: dict[str, str],
) -> None:
    code = (
        "import sys, json; from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig;"
        f"config = PipelineConfig.from_flat_kwargs(model_path={str(model_path())!r});"
        "sizes = config.model.huggingface_config.hidden_size;"
        "print(json.dumps(sorted({'torch', 'transformers'} & sys.modules.keys())))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=child_environment, capture_output=True, check=True
    )
    assert json.loads(result.stdout) == []
