"""Building a configuration from plain names, parts and files; fitting it to an architecture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from max.pipelines.config import (
    ConfigurationError,
    KVCacheConfig,
    MAXModelConfig,
    PipelineConfig,
    PipelineRuntimeConfig,
)
from max.pipelines.modeling.task import PipelineTask

MakeCheckpoint = Callable[..., Path]


@dataclass
class Architecture:
    name: str = "LlamaForCausalLM"
    default_encoding: str | None = "float32"
    supported_encodings: set[str] = field(default_factory=lambda: {"float32", "bfloat16"})
    multi_gpu_supported: bool = False
    required_arguments: Mapping[str, Any] = field(default_factory=dict)


def test_plain_names_are_spread_over_the_parts() -> None:
    config = PipelineConfig.from_flat_kwargs(
        model_path="org/name",
        devices="cpu",
        max_length=512,
        kv_cache_page_size=64,
        max_batch_size=4,
        custom_architectures=["mine"],
        weight_path=["a.safetensors"],
        task="text_generation",
    )
    assert config.model.max_length == 512
    assert config.model.weight_path == [Path("a.safetensors")]
    assert config.model.kv_cache.kv_cache_page_size == 64
    assert config.runtime.max_batch_size == 4
    assert config.runtime.custom_architectures == ["mine"]
    assert config.task is PipelineTask.TEXT_GENERATION
    assert config.models.model is config.model
    assert config.models.draft_model is None


def test_aliases() -> None:
    config = PipelineConfig.from_flat_kwargs(model="org/name", devices="gpu:0")
    assert config.model.model_path == "org/name"
    with pytest.raises(ConfigurationError, match="model_path and model cannot both be specified"):
        PipelineConfig.from_flat_kwargs(model="a", model_path="b")


def test_parts_as_values() -> None:
    runtime = PipelineRuntimeConfig(max_batch_size=2)
    config = PipelineConfig.from_flat_kwargs(
        model={"model_path": "org/name", "device_specs": [0]},
        runtime=runtime,
        max_length=9,
        enable_prefix_caching=False,
    )
    assert config.runtime is runtime
    assert config.model.max_length == 9
    assert not config.model.kv_cache.enable_prefix_caching


def test_a_whole_part_and_one_of_its_fields_contradict() -> None:
    with pytest.raises(ConfigurationError, match="max_batch_size and runtime cannot both"):
        PipelineConfig.from_flat_kwargs(runtime=PipelineRuntimeConfig(), max_batch_size=2)
    with pytest.raises(ConfigurationError, match="max_batch_size is given twice"):
        PipelineConfig.from_flat_kwargs(runtime={"max_batch_size": 1}, max_batch_size=2)


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="'max_lenght'; did you mean max_length"):
        PipelineConfig.from_flat_kwargs(max_lenght=5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"max_length": -1},
            r"model\.max_length \(--max-length\): .* greater than or equal to 0 \(given: -1\)",
        ),
        ({"quantization_encoding": "q9"}, r"'q4_k'.*\(given: 'q9'\)"),
        ({"devices": "tpu"}, "allowed: cpu, gpu"),
        ({"device_memory_utilization": 1.5}, "less than or equal to 1"),
        ({"kv_connector": "tiered"}, "--kv-connector.* is not supported in this release"),
        ({"lora_paths": ["a=b"]}, "--lora-paths.* needs --enable-lora"),
        ({"draft_model": {"model_path": "x"}}, "--draft-model.* is not supported in this release"),
    ],
)
def test_refused_values(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PipelineConfig.from_flat_kwargs(**{"devices": "cpu", **kwargs})


def test_constructor_with_parts() -> None:
    model = MAXModelConfig(model_path="org/name", kv_cache=KVCacheConfig(kv_cache_page_size=16))
    config = PipelineConfig(model=model)
    assert config.model is model


def test_config_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "model:\n"
        "  model_path: org/name\n"
        "  device_specs: [0]\n"
        "  max_length: 100\n"
        "  kv_cache:\n"
        "    device_memory_utilization: 0.5\n"
        "runtime:\n"
        "  max_batch_input_tokens: 256\n"
        "max_batch_size: 3\n"
    )
    config = PipelineConfig.from_flat_kwargs(config_file=str(file), max_length=50, devices="cpu")
    assert config.model.model_path == "org/name"
    assert config.model.max_length == 50
    assert str(config.model.default_device_spec) == "cpu"
    assert config.model.kv_cache.device_memory_utilization == 0.5
    assert (config.runtime.max_batch_input_tokens, config.runtime.max_batch_size) == (256, 3)


def test_section_of_a_config_file(tmp_path: Path) -> None:
    file = tmp_path / "recipes.yaml"
    file.write_text("small:\n  model:\n    model_path: org/small\n")
    config = PipelineConfig.from_flat_kwargs(config_file=str(file), section_name="small")
    assert config.model.model_path == "org/small"
    with pytest.raises(ConfigurationError, match="no section 'large'; it has: small"):
        PipelineConfig.from_flat_kwargs(config_file=str(file), section_name="large")
    with pytest.raises(ConfigurationError, match="needs a config_file"):
        PipelineConfig.from_flat_kwargs(section_name="large")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("- 1", "should hold a mapping, not list"),
        ("modle: {}", "unknown configuration field 'modle'"),
        ("runtime:\n  max_batch: 3", r"field 'runtime\.max_batch'; did you mean max_batch_size"),
        ("runtime: 4", "'runtime' should hold fields of its own, got 4"),
        ("kv_cache: {}", r"field 'kv_cache'; did you mean model\.kv_cache"),
        (
            "model: {kv_cache: {kv_cache_page_sze: 4}}",
            "did you mean kv_cache_page_size",
        ),
        (None, "does not exist"),
    ],
)
def test_broken_config_file(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "recipe.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        PipelineConfig.from_flat_kwargs(config_file=str(file))


def test_resolve_chooses_the_encoding(make_checkpoint: MakeCheckpoint) -> None:
    config = PipelineConfig.from_flat_kwargs(model=str(make_checkpoint("F32")), devices="cpu")
    config.resolve(Architecture())
    assert config.model.quantization_encoding == "float32"


def test_resolve_applies_required_arguments(
    make_checkpoint: MakeCheckpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning where they are others than were asked for."""
    folder = str(make_checkpoint())
    config = PipelineConfig.from_flat_kwargs(
        model=folder, devices="cpu", enable_prefix_caching=True
    )
    required = {"enable_prefix_caching": False, "enable_chunked_prefill": False}
    with caplog.at_level(logging.WARNING, logger="max.pipelines"):
        config.resolve(Architecture(required_arguments=required))
    assert not config.model.kv_cache.enable_prefix_caching
    assert not config.runtime.enable_chunked_prefill
    assert [record.getMessage() for record in caplog.records] == [
        "Architecture 'LlamaForCausalLM' requires KVCacheConfig.enable_prefix_caching=False, "
        "overriding current value True"
    ]
    with pytest.raises(ConfigurationError, match="requires magic=1"):
        config.resolve(Architecture(required_arguments={"magic": 1}))
    with pytest.raises(ConfigurationError, match="requires max_batch_size=0, which is not allowed"):
        config.resolve(Architecture(required_arguments={"max_batch_size": 0}))


def test_resolve_refuses_several_devices(make_checkpoint: MakeCheckpoint) -> None:
    folder = str(make_checkpoint())
    config = PipelineConfig.from_flat_kwargs(model=folder, devices="gpu:0,1")
    message = f"Multiple GPU inference is currently not supported for {folder}"
    with pytest.raises(ConfigurationError, match=message):
        config.resolve(Architecture())
