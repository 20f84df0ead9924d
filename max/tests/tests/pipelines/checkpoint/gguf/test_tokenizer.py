"""A GGUF file's tokenizer gives the tokens that the model's own one gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tokenizers import BertWordPieceTokenizer, Tokenizer

from max.demo import model_path
from max.graph.weights import GGUFHeader
from max.pipelines.checkpoint.gguf.splits import find_split
from max.pipelines.checkpoint.gguf.tokenizer import has_tokenizer, write_tokenizer
from max.pipelines.modeling.errors import ModelSourceError

TEXTS = (
    "",
    " ",
    "Hello world",
    "  two  spaces ",
    "I'm, you'RE, 12345 678.90€",
    "line\n\n\nline\r\n\ttab",
    "grüße 你好 🙂 مرحبا",
    "<|im_start|>user\nhi<|im_end|>",
    "don't; x = [1, 2];// comment",
    "\x00\x7f",
)


def make_header(**entries: Any) -> GGUFHeader:
    """A header of only these entries of the tokenizer."""
    metadata = {f"tokenizer.{k.replace('__', '.')}": v for k, v in entries.items()}
    return GGUFHeader({"general.architecture": "llama", **metadata}, {}, 0, 0)


def write(header: GGUFHeader, folder: Path) -> Tokenizer:
    write_tokenizer(header, folder, Path("model.gguf"))
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def demo_entries() -> dict[str, Any]:
    """The demo's tokenizer as llama.cpp's converter would write it."""
    content = json.loads((model_path() / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary: Mapping[str, int] = content["model"]["vocab"]
    special = {t["content"] for t in content["added_tokens"]}
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    return {
        "ggml__model": "gpt2",
        "ggml__pre": "qwen2",
        "ggml__tokens": tokens,
        "ggml__token_type": [3 if token in special else 1 for token in tokens],
        "ggml__merges": [" ".join(pair) for pair in content["model"]["merges"]],
        "ggml__bos_token_id": tokens.index("<|begin_of_text|>"),
        "ggml__eos_token_id": tokens.index("<|eot_id|>"),
        "ggml__add_bos_token": True,
    }


def test_byte_level_tokens_are_the_original_s(tmp_path: Path) -> None:
    ours = write(make_header(**demo_entries()), tmp_path)
    original = Tokenizer.from_file(str(model_path() / "tokenizer.json"))
    for text in (*TEXTS, "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"):
        assert ours.encode(text).ids == original.encode(text).ids, text
        ids = ours.encode(text).ids
        assert ours.decode(ids, skip_special_tokens=False) == original.decode(
            ids, skip_special_tokens=False
        )
    assert ours.encode("a", add_special_tokens=False).ids == ours.encode("a").ids[1:]


def test_settings(tmp_path: Path) -> None:
    write(make_header(**demo_entries(), chat_template="{{ messages }}"), tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["bos_token"] == "<|begin_of_text|>"
    assert config["eos_token"] == "<|eot_id|>"
    assert config["chat_template"] == "{{ messages }}"


@pytest.mark.parametrize(
    ("pre", "text", "pieces"),
    [
        ("llama-bpe", "ab 12345's\n\n x", ["ab", "Ġ", "123", "45", "'s", "ĊĊ", "Ġx"]),
        ("qwen2", "ab 123's", ["ab", "Ġ", "1", "2", "3", "'s"]),
        ("gpt-2", "ab 12345's\n\n x", ["ab", "Ġ12345", "'s", "ĊĊ", "Ġx"]),
        ("smollm", "ab 123!", ["ab", "Ġ", "1", "2", "3", "!"]),
        ("tekken", "abCd 12", ["ab", "Cd", "Ġ", "1", "2"]),
        ("default", "ab, 1234", ["ab", ",", "Ġ", "123", "4"]),
        ("glm4", "ab 1234's", ["ab", "Ġ", "123", "4", "'s"]),
        ("falcon", "a`b, 1234", ["a", "`", "b", ",", "Ġ", "123", "4"]),
        ("deepseek-llm", "ab 12!\n", ["ab", "Ġ", "12", "!", "Ċ"]),
        ("deepseek-coder", "ab 12!\n", ["ab", "Ġ", "1", "2", "!", "Ċ"]),
        ("deepseek-v3", "ab(cd 1234", ["ab", "(cd", "Ġ", "123", "4"]),
        ("gpt-4o", "abCd's 1234/\n", ["ab", "Cd's", "Ġ", "123", "4", "/Ċ"]),
        ("tiny_aya", "1234567", ["1", "234", "567"]),
        ("kimi-k2", "ab\u4f60cd", ["ab", "ä½ł", "cd"]),
        ("qwen35", "e\u0301 12", ["eÌģ", "Ġ", "1", "2"]),
        ("exaone-moe", "ab cd1", ["abĠcd", "1"]),
        ("bailingmoe", "ab 12\n\n", ["ab", "Ġ", "1", "2", "ĊĊ"]),
        ("seed-coder", "!\nab 12", ["!", "Ċ", "ab", "Ġ", "1", "2"]),
        ("minicpm5", "ab1234", ["ab", "123", "4"]),
        ("viking", "ab 12.", ["ab", "Ġ", "1", "2", "."]),
    ],
)
def test_how_text_is_cut(pre: str, text: str, pieces: list[str]) -> None:
    """Worked out by hand from the patterns of llama-vocab.cpp."""
    split = find_split(pre)
    assert split is not None
    assert [piece for piece, _ in split.pre_tokenizer().pre_tokenize_str(text)] == pieces


@pytest.mark.parametrize("pre", ["llama-bpe", "qwen2", "tekken", "gpt-2"])
def test_transformers_cuts_text_the_same_way(pre: str) -> None:
    from transformers.integrations.gguf import gguf_tokenizer_mapping

    theirs = gguf_tokenizer_mapping.convert_gguf_tokenizer(
        "llama",
        {
            "tokenizer_type": "gpt2",
            "pre_tokenizer_type": pre,
            "tokens": ["a", "b"],
            "merges": [],
            "token_type": [1, 1],
        },
    )[0]
    split = find_split(pre)
    assert split is not None
    for text in TEXTS:
        ours = [piece for piece, _ in split.pre_tokenizer().pre_tokenize_str(text)]
        assert ours == [piece for piece, _ in theirs.pre_tokenizer.pre_tokenize_str(text)], text


def sentence_piece_entries() -> dict[str, Any]:
    """A small Llama 2 vocabulary: special tokens, bytes, then pieces by falling score."""
    pieces = ["\u2581", "e", "l", "o", "h", "w", "r", "d", "\u2581w", "lo", "el", "he", "llo"]
    pieces += ["\u2581he", "or", "\u2581wor", "ld", "\u2581hello", "hello", "\u2581world"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), *pieces]
    kinds = [2, 3, 3, *[6] * 256, *[1] * len(pieces)]
    return {
        "ggml__model": "llama",
        "ggml__tokens": tokens,
        "ggml__token_type": kinds,
        "ggml__scores": [0.0] * 259 + [-float(i) for i in range(len(pieces))],
        "ggml__bos_token_id": 1,
        "ggml__eos_token_id": 2,
        "ggml__unknown_token_id": 0,
    }


def test_sentence_piece_tokens(tmp_path: Path) -> None:
    tokenizer = write(make_header(**sentence_piece_entries()), tmp_path)
    encoded = tokenizer.encode("hello world é")
    assert encoded.tokens[0] == "<s>"
    assert encoded.tokens[-3:] == ["\u2581", "<0xC3>", "<0xA9>"]
    for text in ("hello world é", " hello", "a\nb", "你好"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.encode("x</s>").ids[-1] == 2


def test_sentence_piece_tokens_are_those_of_transformers(tmp_path: Path) -> None:
    from transformers.integrations.gguf import gguf_tokenizer_mapping

    entries = sentence_piece_entries()
    ours = write(make_header(**entries), tmp_path)
    theirs = gguf_tokenizer_mapping.convert_gguf_tokenizer(
        "llama",
        {
            "tokenizer_type": "llama",
            "tokens": entries["ggml__tokens"],
            "scores": entries["ggml__scores"],
            "token_type": entries["ggml__token_type"],
        },
    )[0]
    for text in ("hello world", "hello  world", "wor ld hellohello", "é\n", "lo\u2581w"):
        expected = theirs.encode(text, add_special_tokens=False).tokens
        assert ours.encode(text, add_special_tokens=False).tokens == expected, text


def test_whole_tokens_of_users_are_not_special(tmp_path: Path) -> None:
    entries = demo_entries()
    entries["ggml__tokens"] = [*entries["ggml__tokens"], "<think>"]
    entries["ggml__token_type"] = [*entries["ggml__token_type"], 4]
    tokenizer = write(make_header(**entries), tmp_path)
    ids = tokenizer.encode("a<think>b", add_special_tokens=False).ids
    assert ids[1] == 1024
    assert tokenizer.decode(ids) == "a<think>b"


def test_what_a_sentence_piece_file_does_not_say(tmp_path: Path) -> None:
    entries = sentence_piece_entries()
    written = write(make_header(**entries), tmp_path).to_str()
    fewer = {k: v for k, v in entries.items() if not k.endswith("_token_id")}
    assert write(make_header(**fewer), tmp_path).to_str() == written


def test_the_unknown_token_is_a_whole_one(tmp_path: Path) -> None:
    tokenizer = write(make_header(**sentence_piece_entries()), tmp_path)
    assert tokenizer.encode("hello<unk>", add_special_tokens=False).ids[-1] == 0


def test_tokens_of_phi_3_take_the_spaces_behind_them(tmp_path: Path) -> None:
    entries = demo_entries()
    header = make_header(**entries)
    plain = write(header, tmp_path).encode("<|eot_id|>  a", add_special_tokens=False).ids
    named = header._replace(metadata={**header.metadata, "general.name": "Phi-3 mini"})
    eaten = write(named, tmp_path).encode("<|eot_id|>  a", add_special_tokens=False).ids
    assert len(plain) > len(eaten) == 2


@pytest.mark.parametrize(("pre", "adds"), [("llama-bpe", True), ("qwen2", False)])
def test_files_that_do_not_say_add_a_beginning_as_llama_cpp_does(
    tmp_path: Path, pre: str, adds: bool
) -> None:
    entries = {**demo_entries(), "ggml__pre": pre}
    del entries["ggml__add_bos_token"]
    ids = write(make_header(**entries), tmp_path).encode("a").ids
    assert (ids[0] == entries["ggml__bos_token_id"]) == adds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ggml__model": "t5"}, "is of the kind 't5'.*known: gpt2, llama.*--weight-path"),
        ({"ggml__pre": "newest"}, r"not known, 'newest' \(tokenizer\.ggml\.pre\)"),
        ({"ggml__tokens": []}, "without tokens"),
        ({"ggml__merges": ["a zebra"]}, r"the merge \('a', 'zebra'\)"),
        ({"ggml__merges": ["nospace"]}, r"the merge \('nospace',\)"),
    ],
)
def test_tokenizers_that_cannot_be_read(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelSourceError, match=message):
        write(make_header(**{**demo_entries(), **change}), tmp_path)


@pytest.mark.parametrize("lowercase", [True, False])
def test_word_pieces_are_those_of_bert(tmp_path: Path, lowercase: bool) -> None:
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "un",
        "##believ",
        "##able",
        "Un",
        ",",
        "e",
    ]
    entries = {
        "ggml__model": "bert",
        "ggml__tokens": [
            w if w.startswith("[") else w[2:] if w.startswith("##") else f"\u2581{w}" for w in words
        ],
        "ggml__token_type": [3 if w.startswith("[") else 1 for w in words],
        "ggml__unknown_token_id": 1,
        "ggml__cls_token_id": 2,
        "ggml__seperator_token_id": 3,
        "ggml__normalizer__lowercase": lowercase,
    }
    made = write(make_header(**entries), tmp_path)
    vocabulary = {word: i for i, word in enumerate(words)}
    expected = BertWordPieceTokenizer(vocabulary, lowercase=lowercase)
    for text in ("Unbelievable, unable", "\u00e9 xyz \u6f22[MASK]", ""):
        assert made.encode(text).ids == expected.encode(text).ids


def test_scores_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ModelSourceError, match="279 tokens, but 0 scores"):
        write(make_header(**{**sentence_piece_entries(), "ggml__scores": []}), tmp_path)


def test_a_file_may_have_no_tokenizer() -> None:
    assert has_tokenizer(make_header(**demo_entries()))
    assert not has_tokenizer(make_header())
    assert not has_tokenizer(make_header(ggml__model="no_vocab"))
