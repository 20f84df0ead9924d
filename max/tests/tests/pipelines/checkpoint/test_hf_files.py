"""config.json and what else a checkpoint brings, whole and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from max.pipelines.checkpoint.hf_files import (
    architecture_name,
    load_generation_config,
    load_huggingface_config,
)
from max.pipelines.modeling.errors import ModelSourceError

MakeCheckpoint = Callable[..., Path]


def make_checkpoint_with_code(make_checkpoint: MakeCheckpoint) -> Path:
    folder = make_checkpoint(model_type="own", auto_map={"AutoConfig": "own_config.OwnConfig"})
    (folder / "own_config.py").write_text(
        "from transformers import PretrainedConfig\n\n\n"
        "class OwnConfig(PretrainedConfig):\n"
        "    model_type = 'own'\n"
        "    own_value = 7\n"
    )
    return folder


def test_architecture_name(make_checkpoint: MakeCheckpoint) -> None:
    assert architecture_name(make_checkpoint()) == "LlamaForCausalLM"


@pytest.mark.parametrize("value", [None, [], "LlamaForCausalLM", [3]])
def test_config_without_architectures(make_checkpoint: MakeCheckpoint, value: object) -> None:
    with pytest.raises(ModelSourceError, match="does not say which architecture the model has"):
        architecture_name(make_checkpoint(architectures=value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no config.json"),
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "a JSON object, not list"),
    ],
)
def test_broken_config(make_checkpoint: MakeCheckpoint, text: str | None, message: str) -> None:
    folder = make_checkpoint()
    (folder / "config.json").unlink()
    if text is not None:
        (folder / "config.json").write_text(text)
    with pytest.raises(ModelSourceError, match=message):
        architecture_name(folder)
    with pytest.raises(ModelSourceError, match=message):
        load_huggingface_config(folder, trust_remote_code=False)


def test_huggingface_config(make_checkpoint: MakeCheckpoint) -> None:
    config = load_huggingface_config(make_checkpoint(hidden_size=64), trust_remote_code=False)
    assert (config.model_type, config.hidden_size) == ("llama", 64)


def test_unknown_model_type(make_checkpoint: MakeCheckpoint) -> None:
    with pytest.raises(ModelSourceError, match=r"transformers .*\(model_type 'brand-new'\)"):
        load_huggingface_config(make_checkpoint(model_type="brand-new"), trust_remote_code=False)


def test_inconsistent_values(make_checkpoint: MakeCheckpoint) -> None:
    with pytest.raises(ModelSourceError, match=r"hidden size \(48\) is not a multiple"):
        load_huggingface_config(make_checkpoint(hidden_size=48), trust_remote_code=False)


def test_own_code_is_not_run_unless_trusted(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint_with_code(make_checkpoint)
    with pytest.raises(ModelSourceError, match=r"own_config\.OwnConfig.*--trust-remote-code"):
        load_huggingface_config(folder, trust_remote_code=False)


def test_own_code_is_run_when_trusted(
    make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    monkeypatch.syspath_prepend(tmp_path / "m")
    folder = make_checkpoint_with_code(make_checkpoint)
    config = load_huggingface_config(folder, trust_remote_code=True)
    assert config.own_value == 7


def test_generation_config(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    assert load_generation_config(folder) is None
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 5}))
    config = load_generation_config(folder)
    assert config is not None
    assert config.eos_token_id == 5


def test_sizes_that_transformers_makes_up_are_told(
    make_checkpoint: MakeCheckpoint, caplog: pytest.LogCaptureFixture
) -> None:
    sizes: dict[str, float] = {
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "max_position_embeddings": 8,
    }
    sizes |= {"num_attention_heads": 1, "vocab_size": 9, "rms_norm_eps": 1.0}
    whole = make_checkpoint(folder="whole", **sizes, hidden_size=4)
    partial = make_checkpoint(folder="partial", **sizes)

    load_huggingface_config(whole, trust_remote_code=False)
    load_huggingface_config(partial, trust_remote_code=False)

    (message,) = [record.getMessage() for record in caplog.records]
    # 4096 is the default of transformers' LlamaConfig.
    assert "partial/config.json does not have hidden_size (assumed: 4096): " in message


def test_values_that_transformers_stumbles_over(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint(quantization_config=3)
    with pytest.raises(ModelSourceError, match=r"cannot read .*config\.json .*'int'"):
        load_huggingface_config(folder, trust_remote_code=False)


def test_marks_of_encodings_and_damage(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    config = folder / "config.json"
    config.write_text("\ufeff" + config.read_text(), encoding="utf-8")
    assert architecture_name(folder) == "LlamaForCausalLM"
    (folder / "generation_config.json").write_text("{")
    with pytest.raises(ModelSourceError, match=r"generation_config\.json is not valid JSON"):
        load_generation_config(folder)
