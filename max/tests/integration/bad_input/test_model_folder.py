"""A model's configuration and tokenizer, missing or broken, and folders that are no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.bad_input.conftest import CopyModel
from integration.bad_input.refusal import edit_json, generate, refusal

ROPE = {"rope_theta": 10000.0}


def test_nothing_there(user: Path) -> None:
    refusal(generate("./modle"), "'./modle' does not exist", str(user / "modle"), "owner/name")
    refusal(generate(""), "no model given", "'demo'")
    (user / "empty").mkdir()
    refusal(generate("empty"), "empty has no config.json", "Hugging Face model?")
    (user / "file").touch()
    refusal(generate("./file"), "is a file", "--weight-path")


def test_folder_where_bazel_run_was_called(
    spoilt: CopyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt("config.json")
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    refusal(generate("./model"), str(tmp_path / "model"), "has no config.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"architectures": ', "is not valid JSON"),
        ("[]", "should hold a JSON object, not list"),
        ("{}", "does not say which architecture"),
    ],
)
def test_broken_config(spoilt: CopyModel, text: str, told: str) -> None:
    model = spoilt()
    (model / "config.json").write_text(text)
    refusal(generate(model), "config.json", told)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"architectures": ["Qwen2ForCausalLMM"]}, ["for Qwen2ForCausalLMM", ": Qwen2", "Llama"]),
        ({"architectures": ["LLamaForCausalLM"]}, ["for LLama", ": Llama", "--custom-architect"]),
        ({"model_type": "no_such_type"}, ["config.json", "'no_such_type'"]),
        ({"hidden_size": "wide"}, ["config.json", "'hidden_size' expected int", "'wide'"]),
        ({"head_dim": 15}, ["config.json", "even rotary dimension", "15"]),
        ({"head_dim": -2}, ["must be at least 1, got head_dim=-2", "config.json"]),
        ({"num_hidden_layers": 0}, ["must be at least 1, got num_layers=0", "config.json"]),
        ({"num_key_value_heads": 3}, ["num_attention_heads 4", "num_key_value_heads 3"]),
        ({"hidden_act": "wiggle"}, ["'wiggle'; known: silu"]),
        ({"rope_parameters": {**ROPE, "rope_type": "ntk", "factor": 2}}, ["'ntk'"]),
        ({"rope_parameters": {**ROPE, "rope_type": "linear"}}, ["config.json", "{'factor'}"]),
        ({"eos_token_id": "</s>"}, ["config.json", "eos_token_id", "'</s>'"]),
        ({"auto_map": {"AutoConfig": "own.C"}, "model_type": "x"}, ["own.C", "--trust-remote-"]),
    ],
)  # fmt: skip
def test_values_in_config(spoilt: CopyModel, changes: dict[str, Any], told: list[str]) -> None:
    model = spoilt()
    edit_json(model / "config.json", changes)
    refusal(generate(model), *told)


def test_sizes_that_config_lacks_are_told_before_the_weights_that_do_not_fit(
    spoilt: CopyModel,
) -> None:
    model = spoilt()
    edit_json(model / "config.json", {}, without=("intermediate_size",))
    result = generate(model)
    refusal(
        result,
        "'layers.0.mlp.down_proj.weight' had different shape",
        "(expected=[64, 11008], actual=[64, 96]",
    )
    assert "config.json does not have intermediate_size (assumed: 11008)" in result.stderr


def test_no_tokenizer(spoilt: CopyModel) -> None:
    model = spoilt("tokenizer*")
    refusal(generate(model), "has no tokenizer: expected tokenizer.json", "found config.json")


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("tokenizer.json", '{"version": "1.0", "mod', "cannot read the tokenizer"),
        ("tokenizer_config.json", "{", "tokenizer_config.json is not valid JSON"),
        ("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["own.T", null]}}', "own.T"),
        ("generation_config.json", "{", "generation_config.json is not valid JSON"),
        ("generation_config.json", '{"temperature": -3.0}', "temperature is -3.0"),
        ("generation_config.json", '{"eos_token_id": "</s>"}', "eos_token_id is '</s>'"),
    ],
)
def test_broken_files(spoilt: CopyModel, file: str, text: str, told: str) -> None:
    model = spoilt()
    (model / file).write_text(text)
    refusal(generate(model), told)


def test_broken_chat_template(spoilt: CopyModel) -> None:
    model = spoilt()
    edit_json(model / "tokenizer_config.json", {"chat_template": "{% for m in messages %}"})
    refusal(generate(model), "chat template", "endfor")
