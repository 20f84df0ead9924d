"""A tokenizer that cannot be loaded says why, and what to do."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.lib.tokenizer.plain_tokenizer import PlainTokenizer
from max.pipelines.modeling.errors import ModelSourceError

MakeFolder = Callable[..., Path]
CUSTOM_CODE = """
from transformers import PreTrainedTokenizerFast


class OwnTokenizer(PreTrainedTokenizerFast):
    is_own = True
"""


@pytest.fixture(autouse=True)
def keep_code_in_test_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Transformers copies a model's code before it runs it; not into the user's home here."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "hf"))


def make_custom_folder(make_model_folder: MakeFolder) -> Path:
    """A model that brings its own tokenizer class."""
    own = {
        "tokenizer_class": "OwnTokenizer",
        "auto_map": {"AutoTokenizer": [None, "own_tokenizer.OwnTokenizer"]},
    }
    folder = make_model_folder(tokenizer_config=own)
    (folder / "own_tokenizer.py").write_text(CUSTOM_CODE, encoding="utf-8")
    return folder


def test_tokenizer_without_its_configuration(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(tokenizer_config=None, generation_config=None)
    tokenizer = load_delegate(folder, trust_remote_code=False)
    assert tokenizer.decode(tokenizer.encode("hello", add_special_tokens=False)) == "hello"


def test_unknown_model_type(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(config={"model_type": "of_our_own", "architectures": ["Ours"]})
    assert len(load_delegate(folder, trust_remote_code=False)) > 256


@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_no_tokenizer(make_model_folder: MakeFolder, model_type: str) -> None:
    folder = make_model_folder(config={"model_type": model_type}, tokenizer_config=None)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelSourceError) as caught:
        TextTokenizer(folder)
    assert "has no tokenizer" in str(caught.value)
    assert "tokenizer.json" in str(caught.value)
    assert "found config.json, generation_config.json" in str(caught.value)


def test_damaged_tokenizer(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder()
    path = folder / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    with pytest.raises(ModelSourceError, match=r"cannot read the tokenizer in .*tokenizer\.json"):
        TextTokenizer(folder)


def test_damaged_configuration(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder()
    (folder / "tokenizer_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelSourceError, match=r"tokenizer_config\.json is not valid JSON"):
        TextTokenizer(folder)


def test_missing_folder() -> None:
    with pytest.raises(ModelSourceError, match="does not exist"):
        TextTokenizer("./no/such/folder")


def test_code_of_the_model_needs_trust(make_model_folder: MakeFolder) -> None:
    folder = make_custom_folder(make_model_folder)
    with pytest.raises(ModelSourceError) as caught:
        TextTokenizer(folder)
    assert "own_tokenizer.OwnTokenizer" in str(caught.value)
    assert "--trust-remote-code" in str(caught.value)


def test_code_of_the_model_runs_when_trusted(make_model_folder: MakeFolder) -> None:
    folder = make_custom_folder(make_model_folder)
    tokenizer = TextTokenizer(folder, trust_remote_code=True)
    assert tokenizer.delegate.is_own


def test_error_in_the_code_of_the_model_is_shown(make_model_folder: MakeFolder) -> None:
    folder = make_custom_folder(make_model_folder)
    (folder / "own_tokenizer.py").write_text("raise LookupError('my mistake')", encoding="utf-8")
    with pytest.raises(ModelSourceError, match="my mistake") as caught:
        TextTokenizer(folder, trust_remote_code=True)
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize(
    "name",
    [
        "chat_template.jinja",
        "additional_chat_templates/t.jinja",
        "tokenizer.json",
        "vocab.txt",
        "merges.txt",
        "spiece.model",
    ],
)
def test_what_a_tokenizer_is_made_of_is_the_folder_s_own(
    make_model_folder: MakeFolder, tmp_path: Path, name: str
) -> None:
    folder = make_model_folder()
    (tmp_path / "secret").write_text("x")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(ModelSourceError, match="is a link to"):
        load_delegate(folder, trust_remote_code=False)


@pytest.mark.parametrize(
    "declared", ["PreTrainedTokenizerFast", "Qwen2Tokenizer", "GemmaTokenizer"]
)
@pytest.mark.parametrize("model_type", ["llama", "qwen2", "of_our_own"])
def test_the_class_that_is_named_changes_nothing(
    make_model_folder: MakeFolder, model_type: str, declared: str
) -> None:
    folder = make_model_folder(
        config={"model_type": model_type}, tokenizer_config={"tokenizer_class": declared}
    )
    delegate: Any = load_delegate(folder, trust_remote_code=False)
    assert type(delegate) is PlainTokenizer
    expected = PreTrainedTokenizerFast.from_pretrained(folder)
    assert delegate.backend_tokenizer.to_str() == expected.backend_tokenizer.to_str()
    assert delegate.special_tokens_map == expected.special_tokens_map


def test_other_forms_are_read_by_transformers_and_said(
    make_model_folder: MakeFolder, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_model_folder(tokenizer_config={"tokenizer_class": "GPT2Tokenizer"})
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("\n".join(map(" ".join, model["merges"])))
    with caplog.at_level(logging.DEBUG, "max.pipelines"):
        delegate: Any = load_delegate(folder, trust_remote_code=False)
    assert type(delegate) is not PlainTokenizer
    assert f"transformers is imported for the tokenizer in {folder}" in caplog.text
    assert delegate.decode(delegate.encode("hello world")) == "hello world"


@pytest.mark.parametrize("names", [5, True, {"AutoTokenizer": 5}, {"AutoTokenizer": {"a": 1}}])
def test_own_class_without_a_name(make_model_folder: MakeFolder, names: object) -> None:
    folder = make_model_folder(tokenizer_config={"auto_map": names})
    with pytest.raises(ModelSourceError, match=r"tokenizer_config\.json has auto_map="):
        load_delegate(folder, trust_remote_code=False)
