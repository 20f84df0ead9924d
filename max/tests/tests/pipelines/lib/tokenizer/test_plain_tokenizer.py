"""Tokenizers that are read without transformers are transformers' to the token."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

import max.demo
from max.pipelines.lib.tokenizer.plain_tokenizer import PlainTokenizer
from max.pipelines.modeling.errors import ModelSourceError

CORPUS = [
    "hello world, how are you?",
    "unaffable Embeddings",
    "日本語 naïve café 😀",
    "1 + 23 = 24",
]
SPECIAL = ["<unk>", "<s>", "</s>", "[CLS]", "[SEP]", "[MASK]"]


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    return tokenizer


def word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    first, last = SPECIAL.index("[CLS]"), SPECIAL.index("[SEP]")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", last), ("[CLS]", first))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


KINDS = {"byte_level": byte_level, "unigram": unigram, "word_piece": word_piece}
DECLARED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "names": {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True, "unk_token": "<unk>"},
    "names that are not there": {"eos_token": "<|end|>", "pad_token": "<pad>"},
    "described names": {
        "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True},
        "image_token": "<image>",
        "clean_up_tokenization_spaces": True,
    },
    "lists": {"additional_special_tokens": ["<a>", "<b>"], "eos_token": "</s>"},
    "extra by name": {"extra_special_tokens": {"audio_token": "<audio>"}},
    "other properties": {
        "added_tokens_decoder": {
            "1": {"content": "<s>", "rstrip": True, "special": True},
            "900": {"content": "hello", "single_word": True, "normalized": True},
            "901": {"content": "<tool>", "lstrip": True, "rstrip": True, "special": False},
        },
        "eos_token": "<tool>",
    },
    "text of special tokens": {"split_special_tokens": True, "eos_token": "</s>"},
}
TEXTS = [
    "",
    " a  b\n",
    "hello hello world",
    "x <s> y</s>",
    "<tool>  z",
    "a <mask> b",
    "<b><image>é",
]


def make_folder(folder: Path, tokenizer: Tokenizer, declared: dict[str, Any] | None) -> Path:
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    if declared is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(declared))
    return folder


def assert_equal(plain: Any, usual: Any, text: str) -> None:
    for add in (True, False):
        ids = plain.encode(text, add_special_tokens=add, verbose=False)
        assert ids == usual.encode(text, add_special_tokens=add)
        for skip in (True, False):
            options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
            assert plain.decode(ids, **options) == usual.decode(ids, **options)


def assert_same_tokenizer(folder: Path, texts: list[str]) -> None:
    plain: Any = PlainTokenizer(folder)
    usual = PreTrainedTokenizerFast.from_pretrained(folder)
    for text in texts:
        assert_equal(plain, usual, text)
    assert len(plain) == len(usual)
    for name in ("bos_token_id", "eos_token_id", "special_tokens_map", "chat_template"):
        assert getattr(plain, name) == getattr(usual, name)
    assert repr(plain.added_tokens_decoder) == repr(usual.added_tokens_decoder)
    ids = list(range(len(usual)))
    assert plain.convert_ids_to_tokens(ids) == usual.convert_ids_to_tokens(ids)


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_as_transformers_reads_it(kind: str, declared: str, tmp_path: Path) -> None:
    folder = make_folder(tmp_path, KINDS[kind](), DECLARED[declared])
    assert_same_tokenizer(folder, [*TEXTS, *CORPUS])


@pytest.mark.parametrize("declared", DECLARED)
def test_byte_fallback_too(byte_fallback_folder: Path, declared: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(byte_fallback_folder / "tokenizer.json"))
    assert_same_tokenizer(make_folder(tmp_path, tokenizer, DECLARED[declared]), [*TEXTS, *CORPUS])


def test_files_of_earlier_years(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, byte_level(), {"eos_token": "</s>"})
    names = {"bos_token": "<start>", "pad_token": {"content": "<pad>", "rstrip": True}}
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    (folder / "added_tokens.json").write_text(json.dumps({"<start>": 320, "plain": 321}))
    assert_same_tokenizer(folder, [*TEXTS, "<start> a plain text <pad>  b"])


def test_without_any_description(tmp_path: Path) -> None:
    plain = PlainTokenizer(make_folder(tmp_path, byte_level(), None))
    assert (plain.eos_token_id, plain.chat_template, plain.special_tokens_map) == (None, None, {})


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    """The demo's tokenizer, and transformers'."""
    folder = max.demo.model_path()
    return PlainTokenizer(folder), PreTrainedTokenizerFast.from_pretrained(folder)


@settings(max_examples=200, deadline=None)
@given(text=st.text() | st.sampled_from(["<|eot_id|>x", "Tom has 3 apples."]))
def test_texts_become_the_same_tokens_and_texts_again(pair: tuple[Any, Any], text: str) -> None:
    assert_equal(*pair, text)


def test_prompts_are_neither_cut_nor_filled_up(tmp_path: Path) -> None:
    plain = PlainTokenizer(make_folder(tmp_path, word_piece(), {}))
    lengths = [len(plain.encode("a " * n, add_special_tokens=False)) for n in (1, 40)]
    assert lengths == [1, 40]


def test_what_is_not_served_transformers_answers(
    pair: tuple[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    plain, usual = pair
    with caplog.at_level(logging.DEBUG, "max.pipelines"):
        assert plain.get_vocab() == usual.get_vocab()
    assert "transformers is imported for the tokenizer's attribute 'get_vocab'" in caplog.text


FILES = {"chat_template.jinja": "of a file"}
TOOLS = {**FILES, "additional_chat_templates/tool_use.jinja": "with tools"}
LIST = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]


@pytest.mark.parametrize(
    ("files", "declared", "expected"),
    [
        ({}, None, None),
        ({}, "text", "text"),
        ({}, LIST[:1], "a"),
        ({}, LIST, {"default": "a", "tool_use": "b"}),
        (FILES, "text", "of a file"),
        (TOOLS, LIST, {"default": "of a file", "tool_use": "with tools"}),
    ],
)
def test_chat_templates(
    files: dict[str, str], declared: Any, expected: Any, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path, byte_level(), {"chat_template": declared})
    (folder / "additional_chat_templates").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    assert PlainTokenizer(folder).chat_template == expected


def test_a_chat_template_that_is_none(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, byte_level(), {"chat_template": [{"text": "x"}]})
    with pytest.raises(ModelSourceError, match=r"chat_template should be a text, or a list of"):
        PlainTokenizer(folder)


def test_conversations_are_answered_without_torch_and_transformers() -> None:
    program = (
        "import asyncio, sys\n"
        "from max.pipelines.lib.tokenizer import TextTokenizer\n"
        "tokenizer = TextTokenizer('demo')\n"
        "text = tokenizer.apply_chat_template([{'role': 'user', 'content': 'Hi'}])\n"
        "asyncio.run(tokenizer.decode(asyncio.run(tokenizer.encode(text))))\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
