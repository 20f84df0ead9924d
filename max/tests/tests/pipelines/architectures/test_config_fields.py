"""Every family of the tree says which fields of config.json it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.lib import PIPELINE_REGISTRY
from tests.pipelines.architectures.checkpoints import change_config, make_config

MODELS = {
    "GraniteForCausalLM": "tiny-granite",
    "LlamaForCausalLM": "tiny-llama",
    "Qwen2ForCausalLM": "tiny-qwen2",
    "Qwen3ForCausalLM": "tiny-qwen3",
}


EMBEDDERS = ("BertModel", "MPNetForMaskedLM", "MPNetModel", "ModernBertModel", "Qwen3Model")


def test_every_family_has_a_table() -> None:
    tiny = {model.architecture for model in TINY_FAMILIES.values()}
    assert {*MODELS, *EMBEDDERS, *tiny} == PIPELINE_REGISTRY.architectures.keys()
    for name, architecture in PIPELINE_REGISTRY.architectures.items():
        assert getattr(architecture.config, "config_fields", None), name


@pytest.mark.parametrize("architecture", PIPELINE_REGISTRY.architectures)
def test_fields_of_transformers_class_are_known(architecture: str) -> None:
    import transformers

    model_cls: Any = getattr(transformers, architecture, None)
    config: Any = PIPELINE_REGISTRY.architectures[architecture].config
    is_remote = config.config_fields.is_remote
    fields = {} if is_remote else model_cls.config_class().to_dict()
    config.config_fields.check(fields, Path("config.json"))
    with pytest.raises(ValueError, match="attention_gate='sigmoid' \\(not known"):
        config.config_fields.check({**fields, "attention_gate": "sigmoid"}, Path("config.json"))


@pytest.mark.parametrize(
    ("architecture", "field", "value"),
    [
        ("Cohere2ForCausalLM", "use_gated_activation", False),
        ("FalconForCausalLM", "alibi", True),
        ("GPT2LMHeadModel", "add_cross_attention", True),
        ("GemmaForCausalLM", "use_bidirectional_attention", True),
        ("InternLM2ForCausalLM", "bias", True),
        ("Phi3ForCausalLM", "attention_bias", True),
        ("Starcoder2ForCausalLM", "norm_type", "rms_norm"),
    ],
)
def test_variants_that_are_not_computed_are_refused(
    architecture: str, field: str, value: object
) -> None:
    config: Any = PIPELINE_REGISTRY.architectures[architecture].config
    with pytest.raises(ValueError, match=f"{field}={value!r} "):
        config.config_fields.check({field: value}, Path("config.json"))


def test_an_activation_that_is_not_known_is_refused(tmp_path: Path) -> None:
    """By the configuration class, before weights are read."""
    folder = make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path / "model")
    change_config(folder, {"hidden_act": "mish"})
    config = make_config(folder)
    PIPELINE_REGISTRY.resolve(config)
    with pytest.raises(ValueError, match="unknown activation function 'mish'; known: silu, "):
        Llama3Config.initialize(config)


@pytest.mark.parametrize("model", MODELS.values())
def test_a_field_that_is_not_known_is_refused(tmp_path: Path, model: str) -> None:
    folder = make_checkpoint(TINY_MODELS[model], tmp_path / "model")
    change_config(folder, {"attention_gate": "sigmoid"})
    with pytest.raises(ValueError, match=r"config\.json has .* attention_gate='sigmoid' \(not"):
        PIPELINE_REGISTRY.retrieve(make_config(folder))


def test_a_rope_parameter_that_is_not_known_is_refused(tmp_path: Path) -> None:
    folder = make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path / "model")
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    change_config(folder, {"rope_parameters": rope})
    with pytest.raises(ValueError, match=r"not supported: mrope_section=\[2, 3, 3\]; known: "):
        PIPELINE_REGISTRY.retrieve(make_config(folder))
