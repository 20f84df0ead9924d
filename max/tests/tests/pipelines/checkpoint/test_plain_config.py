"""A plain config.json means what transformers reads in it."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, LlamaConfig, PretrainedConfig

from max.demo import model_path
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.checkpoint.families import fields_of
from max.pipelines.checkpoint.hf_files import load_huggingface_config
from max.pipelines.checkpoint.plain_config import _OF_TRANSFORMERS, PlainConfig, is_plain
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
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 128,
}
MORE: list[dict[str, Any]] = [
    {},
    {"tie_word_embeddings": True, "use_sliding_window": False, "head_dim": 24},
    {"rope_theta": 500000.0, "rope_scaling": {"type": "linear", "factor": 2.0}},
    {"rope_theta": 500000.0, "rope_scaling": LLAMA3},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 700000.0}},
    {"rope_parameters": {"rope_theta": 700000.0}, "torch_dtype": "bfloat16"},
    {"eos_token_id": [1, 2], "sliding_window": 128, "extra": [1], "use_cache": False},
]


def load(folder: Path) -> Any:
    return load_huggingface_config(folder, trust_remote_code=False)


def make_plain(folder: Path) -> Any:
    known = fields_of("llama")
    assert known is not None
    config: Any = PlainConfig(folder, json.loads((folder / "config.json").read_bytes()), known)
    return config


# Of families whose configuration transformers need not complete, if it is usual.
PLAIN_MODEL_TYPES = [
    fields.model_type
    for architecture in PIPELINE_REGISTRY.all_architectures()
    if (fields := architecture.config_fields) and not (fields.is_completed or fields.is_remote)
]


@pytest.mark.parametrize("model_type", PLAIN_MODEL_TYPES)
@pytest.mark.parametrize("more", MORE)
def test_says_what_transformers_says(
    make_checkpoint: MakeCheckpoint, model_type: str, more: dict[str, Any]
) -> None:
    folder = make_checkpoint(**SIZES | more | {"model_type": model_type})
    complete: Any = AutoConfig.from_pretrained(folder)
    if type(load(folder)) is not PlainConfig:
        # What is unusual for a family transformers reads: a window of Llama's, none of Mistral's.
        assert type(load(folder)) is type(complete)
        assert model_type in ("gpt_oss", "mistral") or "sliding_window" in more
        return
    names = {*vars(complete), *SIZES, *more, "rope_scaling", "layer_types", "head_dim", "mlp_bias"}
    for name in sorted(names - {"_name_or_path"}):
        plain = load(folder)
        if name == "rope_theta":  # which transformers has no more
            assert plain.rope_theta == complete.rope_parameters["rope_theta"]
        else:
            assert getattr(plain, name, "none") == getattr(complete, name, "none"), name


def test_what_is_read_of_the_file_alone(make_checkpoint: MakeCheckpoint) -> None:
    plain = make_plain(make_checkpoint(**SIZES))
    assert plain.hidden_size == 64 and plain.head_dim == 16
    assert not hasattr(plain, "no_such_field") and not hasattr(plain, "layer_types")
    assert plain._complete is None
    assert plain.to_dict()["hidden_size"] == 64
    assert plain._complete is not None


def test_every_name_of_transformers_is_known() -> None:
    names = {name for name in dir(LlamaConfig()) if not name.startswith("_")}
    fields = make_plain(model_path())._fields
    assert names - fields.keys() == _OF_TRANSFORMERS


def test_it_counts_as_the_class_of_transformers(make_checkpoint: MakeCheckpoint) -> None:
    plain = load(make_checkpoint(**SIZES))
    assert isinstance(plain, PretrainedConfig) and isinstance(plain, LlamaConfig)
    assert not isinstance(plain, dict)


def test_assignments_are_heard_everywhere(make_checkpoint: MakeCheckpoint) -> None:
    plain = load(make_checkpoint(**SIZES))
    plain.hidden_size = 128
    plain.own = 3
    assert (plain.hidden_size, plain.own) == (128, 3)
    assert plain.to_dict()["hidden_size"] == 128
    assert plain.rope_theta == 10000.0  # after all was loaded too


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies_are_of_transformers(make_checkpoint: MakeCheckpoint, copied: Any) -> None:
    folder = make_checkpoint(**SIZES)
    plain = load(folder)
    other = copied(plain)
    other.hidden_size = 128
    assert type(other) is LlamaConfig and plain.hidden_size == 64
    expected = AutoConfig.from_pretrained(folder)
    assert plain == expected and repr(plain) == repr(expected) and list(plain) == list(expected)


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
        {"use_sliding_window": True},
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
        {"rope_parameters": {"rope_type": "linear"}},
    ],
)
def test_the_unusual_is_left_to_transformers(change: dict[str, Any]) -> None:
    family = ConfigFields("mine", own={"clip_qkv": 1.0})
    assert is_plain(SIZES, family)
    assert not is_plain(SIZES | change, family)


def test_another_model_type_is_left_to_transformers(make_checkpoint: MakeCheckpoint) -> None:
    assert type(load(make_checkpoint(**SIZES | {"model_type": "mistral"}))) is not PlainConfig


def test_neither_config_nor_devices_import_torch_or_transformers(
    child_environment: dict[str, str],
) -> None:
    code = (
        "import sys, json; from max.pipelines.lib import PIPELINE_REGISTRY, PipelineConfig;"
        f"config = PipelineConfig.from_flat_kwargs(model_path={str(model_path())!r});"
        "config = config.model.huggingface_config;"
        "values = config.hidden_size, isinstance(config, dict), hasattr(config, 'layer_types');"
        "print(json.dumps(sorted({'torch', 'transformers'} & sys.modules.keys())))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=child_environment, capture_output=True, check=True
    )
    assert json.loads(result.stdout) == []
