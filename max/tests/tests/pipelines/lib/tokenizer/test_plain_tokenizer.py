"""Tokenizers that are read without transformers are transformers' to the token."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

import max.demo
from max.pipelines.lib.tokenizer.loading import load_delegate
from max.pipelines.lib.tokenizer.plain_tokenizer import PlainTokenizer

MakeFolder = Callable[..., Path]
LLAMA: dict[str, Any] = {
    "config": {"model_type": "llama"},
    "tokenizer_config": {"tokenizer_class": "PreTrainedTokenizerFast"},
}


def load(folder: Path) -> Any:
    return load_delegate(folder, trust_remote_code=False)


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    """The demo's tokenizer, and transformers'."""
    folder = max.demo.model_path()
    plain = load(folder)
    assert type(plain) is PlainTokenizer
    return plain, AutoTokenizer.from_pretrained(folder)


@settings(max_examples=200, deadline=None)
@given(text=st.text() | st.sampled_from(["", " a  b\n", "<|eot_id|>x", "Tom has 3 apples."]))
def test_texts_become_the_same_tokens_and_texts_again(pair: tuple[Any, Any], text: str) -> None:
    plain, usual = pair
    for add in (True, False):
        ids = plain.encode(text, add_special_tokens=add, verbose=False)
        assert ids == usual.encode(text, add_special_tokens=add)
        for skip in (True, False):
            options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
            assert plain.decode(ids, **options) == usual.decode(ids, **options)


def test_what_it_tells_of_itself(pair: tuple[Any, Any]) -> None:
    plain, usual = pair
    ids = list(range(len(usual)))
    assert len(plain) == len(usual)
    assert plain.convert_ids_to_tokens(ids) == usual.convert_ids_to_tokens(ids)
    assert plain.convert_ids_to_tokens(5) == usual.convert_ids_to_tokens(5)
    for name in ("eos_token_id", "chat_template", "model_max_length"):
        assert getattr(plain, name) == getattr(usual, name)
    assert str(plain.added_tokens_decoder) == str(usual.added_tokens_decoder)
    assert plain.get_vocab() == usual.get_vocab()  # transformers answers


@pytest.mark.parametrize(
    "field",
    [
        {"eos_token": "<|not there|>"},
        {"bos_token": {"__type": "AddedToken", "content": "<|end|>"}},
        {"add_bos_token": True},
        {"extra_special_tokens": ["<x>"]},
        {"chat_template": [{"name": "default", "template": "x"}]},
        {"added_tokens_decoder": {"0": {"content": "other"}}},
    ],
)
def test_what_transformers_would_change_is_left_to_it(
    make_model_folder: MakeFolder, field: dict[str, Any]
) -> None:
    changes = {**LLAMA, "tokenizer_config": {**LLAMA["tokenizer_config"], **field}}
    assert type(load(make_model_folder(**changes))) is not PlainTokenizer


@pytest.mark.parametrize("name", ["special_tokens_map.json", "added_tokens.json"])
def test_files_beside_it_are_left_to_transformers(make_model_folder: MakeFolder, name: str) -> None:
    folder = make_model_folder(**LLAMA)
    assert type(load(folder)) is PlainTokenizer
    (folder / name).write_text("{}", encoding="utf-8")
    assert type(load(folder)) is not PlainTokenizer


def test_tokens_that_both_files_tell_of(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(**LLAMA)
    added = json.loads((folder / "tokenizer.json").read_bytes())["added_tokens"]
    repeated = {str(token.pop("id")): token for token in added}
    path = folder / "tokenizer_config.json"
    declared = {**json.loads(path.read_bytes()), "added_tokens_decoder": repeated}
    path.write_text(json.dumps(declared), encoding="utf-8")
    assert type(load(folder)) is PlainTokenizer


def test_a_tokenizer_that_adds_nothing(make_model_folder: MakeFolder) -> None:
    folder = make_model_folder(**LLAMA)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "post_processor": None}))
    plain, usual = load(folder), AutoTokenizer.from_pretrained(folder)
    assert type(plain) is PlainTokenizer
    assert plain.backend_tokenizer.to_str() == usual.backend_tokenizer.to_str()
    assert plain.encode("hello") == usual.encode("hello")


def test_prompts_are_encoded_without_torch_and_transformers() -> None:
    program = (
        "import asyncio, sys\n"
        "from max.pipelines.lib.tokenizer import TextTokenizer\n"
        "tokenizer = TextTokenizer('demo')\n"
        "asyncio.run(tokenizer.encode('2 + 3'))\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
