"""A model's configuration: names, revisions, lazily read files, and a copy in another process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from max.driver import DeviceSpec
from max.dtype import DType
from max.pipelines.config import ConfigurationError, MAXModelConfig, ModelSourceError
from max.pipelines.modeling.config_enums import loadable_encodings

MakeCheckpoint = Callable[..., Path]


def make_config(folder: Path | str, **fields: object) -> MAXModelConfig:
    values = {"model_path": str(folder), "device_specs": "cpu", **fields}
    return MAXModelConfig.model_validate(values)


def test_model_name() -> None:
    assert make_config("org/name").model_name == "org/name"
    assert make_config("org/name", served_model_name="mine").model_name == "mine"


def test_weights_follow_the_models_revision_unless_given() -> None:
    assert make_config("org/name").weight_revision == "main"
    assert make_config("org/name", huggingface_model_revision="v1").weight_revision == "v1"
    config = make_config(
        "org/name", huggingface_model_revision="v1", huggingface_weight_revision="main"
    )
    assert config.weight_revision == "main"


def test_devices() -> None:
    config = make_config("org/name", device_specs="gpu:1")
    assert config.default_device_spec == DeviceSpec.accelerator(1)
    assert make_config("org/name", device_specs=None).device_specs


def test_files_of_a_folder(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    config = make_config(folder)
    assert config.resolved_model_path == folder
    assert config.resolved_weight_paths == [folder / "model.safetensors"]
    assert config.weights_size() == (folder / "model.safetensors").stat().st_size
    assert config.architecture_name == "LlamaForCausalLM"
    assert config.huggingface_config is config.huggingface_config
    assert config.generation_config is None
    assert config.sampling_params_defaults.values_to_update == {}


def test_encoding_and_dtypes(make_checkpoint: MakeCheckpoint) -> None:
    config = make_config(make_checkpoint("BF16"))
    with pytest.raises(ConfigurationError, match="not resolved yet"):
        _ = config.dtype
    assert config.resolve_encoding("float32", {"float32", "bfloat16"}) == "bfloat16"
    assert (config.dtype, config.cache_dtype) == (DType.bfloat16, DType.bfloat16)
    config.kv_cache.kv_cache_format = "float32"
    assert config.cache_dtype is DType.float32
    assert config.graph_quantization_encoding is None


def test_float16_weights_are_kept_where_the_architecture_can(
    make_checkpoint: MakeCheckpoint,
) -> None:
    config = make_config(make_checkpoint("F16"))
    assert config.resolve_encoding("bfloat16", loadable_encodings()) == "float16"
    assert (config.dtype, config.cache_dtype) == (DType.float32, DType.bfloat16)
    assert config.keeps_half_matrices
    assert config.graph_quantization_encoding is None


@pytest.mark.parametrize(
    ("quantization", "told"),
    [
        ({"quant_method": "gptq", "bits": 4}, r"quantized \(gptq\)"),
        (None, r"supported: float32, bfloat16"),
    ],
)
def test_quantized_weights(
    make_checkpoint: MakeCheckpoint, quantization: dict[str, object] | None, told: str
) -> None:
    config = make_config(make_checkpoint("F8_E4M3", quantization_config=quantization))
    with pytest.raises(ConfigurationError, match=told):
        config.resolve_encoding("float32", {"float32", "bfloat16"})


def test_truncated_weights_are_found_before_loading(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelSourceError, match="bytes instead of 154; an interrupted download"):
        make_config(folder).resolve_encoding()


def test_chat_template(tmp_path: Path) -> None:
    template = tmp_path / "chat.jinja"
    with pytest.raises(ValueError, match="--chat-template"):
        make_config("org/name", chat_template=template)
    template.write_text("{{ messages }}")
    config = make_config("org/name", chat_template=template)
    assert config.retrieve_chat_template() == "{{ messages }}"
    assert make_config("org/name").retrieve_chat_template() is None
    template.write_bytes(b"\xff{{ messages }}")
    with pytest.raises(ConfigurationError, match=r"--chat-template.* is not UTF-8 text"):
        make_config("org/name", chat_template=template).retrieve_chat_template()


def test_pickle_leaves_out_what_was_read(make_checkpoint: MakeCheckpoint) -> None:
    config = make_config(make_checkpoint(), huggingface_model_revision="v1")
    assert config.huggingface_config.model_type == "llama"
    copy = pickle.loads(pickle.dumps(config))
    assert "huggingface_config" in vars(config)
    assert "huggingface_config" not in vars(copy)
    assert copy.model_dump() == config.model_dump()
    assert copy.weight_revision == "v1"


def test_another_process_uses_the_files_that_were_found(make_checkpoint: MakeCheckpoint) -> None:
    config = make_config(make_checkpoint())
    assert "resolved_model_path" not in vars(pickle.loads(pickle.dumps(config)))
    found = (config.resolved_model_path, config.resolved_weight_paths)
    copy = pickle.loads(pickle.dumps(config))
    assert (vars(copy)["resolved_model_path"], vars(copy)["resolved_weight_paths"]) == found
