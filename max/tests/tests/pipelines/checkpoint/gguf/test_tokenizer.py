"""A GGUF file's tokenizer gives the tokens that the model's own one gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from tokenizers import BertWordPieceTokenizer, Tokenizer

from max.demo import model_path
from max.graph.weights import GGUFHeader
from max.pipelines.checkpoint.gguf.splits import find_split
from max.pipelines.checkpoint.gguf.tokenizer import has_tokenizer, write_tokenizer
from max.pipelines.checkpoint.sentence_piece.model_file import read_model_file
from max.pipelines.modeling.errors import ModelSourceError
from tests.pipelines.checkpoint.sentence_piece import trained

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
        ("llama4", "abCd's 1234", ["ab", "Cd's", "\u0120", "123", "4"]),
        ("minimax-m2", "abCd 1234", ["ab", "Cd", "\u0120", "123", "4"]),
        ("exaone4", "ab 12345's", ["ab", "\u012012345", "'s"]),
        ("hunyuan-dense", "ab(cd 1234", ["ab", "(cd", "\u0120", "123", "4"]),
        ("spark2_5", "ab 12!\n", ["ab", "\u0120", "1", "2", "!", "\u010a"]),
        ("youtu", "ab\u3001Cd12", ["ab", "\u00e3\u0122\u0123", "Cd", "1", "2"]),
        ("afmoe", "1234567 ab", ["1", "234", "567", "\u0120ab"]),
        ("jais-2", "a   b", ["a", "\u0120\u0120", "\u0120b"]),
        ("laguna", "ab\n12", ["ab", "\u010a", "1", "2"]),
        ("ufakzeka", "ab'de 1", ["ab", "'de", "\u0120", "1"]),
        ("chameleon", "IMGIMGAZab 12", ["IMGIMGAZ", "ab", "\u0120", "1", "2"]),
        ("modern-bert", "ab 12!", ["ab", "\u012012", "!"]),
        ("roberta-bpe", "ab 12!", ["ab", "\u012012", "!"]),
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


def unigram_entries(folder: Path, **settings: Any) -> dict[str, Any]:
    """A trained Unigram vocabulary as llama.cpp's converter would write it."""
    model = read_model_file(trained.train(folder, "unigram", **settings) / "tokenizer.model")
    return {
        "ggml__model": "t5",
        "ggml__pre": "default",
        "ggml__tokens": [*model.pieces, "[PAD340]"],
        "ggml__scores": [*model.scores, -10000.0],
        "ggml__token_type": [*model.kinds, 5],
        "ggml__add_space_prefix": model.add_space_prefix,
        "ggml__remove_extra_whitespaces": model.removes_extra_spaces,
        "ggml__precompiled_charsmap": list(model.charsmap),
        "ggml__unknown_token_id": 0,
        "ggml__eos_token_id": 2,
    }


@pytest.mark.parametrize(("rule", "removes"), [("identity", False), ("nmt_nfkc", True)])
def test_unigram_tokens_are_sentence_piece_s(tmp_path: Path, rule: str, removes: bool) -> None:
    entries = unigram_entries(tmp_path / "model", rule=rule, removes_spaces=removes)
    ours = write(make_header(**entries), tmp_path)
    original = sentencepiece.SentencePieceProcessor(
        model_file=str(tmp_path / "model" / "tokenizer.model")
    )
    for text in trained.TEXTS:
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == original.encode(text), text
        assert ours.decode(ids) == original.decode(ids), text
    assert ours.encode("two").ids[-1] == 2
    assert ours.encode("two</s> <mask>").ids.count(2) == 2


@pytest.mark.parametrize(
    "kind", [{"model": "gemma4"}, {"model": "gpt2", "pre": "granite-embed-multi-311m"}]
)
def test_merged_characters_of_lines(tmp_path: Path, kind: dict[str, str]) -> None:
    """Gemma 4: spaces are characters of words, which end with a line; what is unknown is bytes."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    pieces = ["\u2581", "h", "i", "\n", "\u2581h", "\u2581hi", "hi", "\n\n"]
    entries = {
        **{f"ggml__{key}": value for key, value in kind.items()},
        "ggml__tokens": [*special, *(f"<0x{i:02X}>" for i in range(256)), *pieces],
        "ggml__token_type": [3, 3, 3, 2, *[6] * 256, *[1] * len(pieces)],
        "ggml__merges": ["\u2581 h", "\u2581h i", "h i", "\n \n"],
        "ggml__bos_token_id": 2,
        "ggml__eos_token_id": 1,
        "ggml__unknown_token_id": 3,
        "ggml__add_bos_token": True,
    }
    made = write(make_header(**entries), tmp_path)
    assert made.encode("hi hi\n\nhi\u00e9").tokens == [
        *("<bos>", "hi", "\u2581hi", "\n\n", "hi", "<0xC3>", "<0xA9>")
    ]
    assert made.decode(made.encode("hi  hi\n\u00e9").ids) == "hi  hi\n\u00e9"


def test_several_templates_have_their_names(tmp_path: Path) -> None:
    entries = {**demo_entries(), "chat_template": "a", "chat_template.tool_use": "b"}
    write(make_header(**entries, chat_templates=["tool_use", "rag"]), tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["chat_template"] == [
        {"name": "tool_use", "template": "b"},
        {"name": "default", "template": "a"},
    ]


def test_signed_bytes_of_a_table_of_characters(tmp_path: Path) -> None:
    entries = unigram_entries(tmp_path / "model", rule="nmt_nfkc")
    expected = write(make_header(**entries), tmp_path).to_str()
    table = entries["ggml__precompiled_charsmap"]
    signed = [byte - 256 if byte > 127 else byte for byte in table]
    entries["ggml__precompiled_charsmap"] = signed
    assert write(make_header(**entries), tmp_path).to_str() == expected
    entries["ggml__precompiled_charsmap"] = table[:100]
    with pytest.raises(ModelSourceError, match=r"precompiled_charsmap\) of 100 bytes, which ends"):
        write(make_header(**entries), tmp_path)


def test_padding_of_a_vocabulary_makes_nothing_unlikely(tmp_path: Path) -> None:
    """An unknown character costs ten more than the unlikeliest token that is not padding."""
    entries = {
        "ggml__model": "t5",
        "ggml__tokens": ["<pad>", "</s>", "<unk>", "xa", "b", "ab", "[PAD6]"],
        "ggml__scores": [0.0, 0.0, 0.0, -14.0, -14.0, -0.5, -10000.0],
        "ggml__token_type": [3, 3, 2, 1, 1, 1, 5],
    }
    ours = write(make_header(**entries), tmp_path)
    assert ours.encode("xab").ids == [2, 5, 1]  # -24.5, not -28
    assert ours.encode("xa").ids == [3, 1]


@pytest.mark.parametrize("pre", ["mpt", "olmo", "modern-bert", "qwen2"])
def test_characters_are_composed_where_the_original_does(tmp_path: Path, pre: str) -> None:
    made = write(make_header(**{**demo_entries(), "ggml__pre": pre}), tmp_path)
    assert made.encode("e\u0301").ids == made.encode("\u00e9").ids
    plain = write(make_header(**{**demo_entries(), "ggml__pre": "gpt-2"}), tmp_path)
    assert plain.encode("e\u0301").ids != plain.encode("\u00e9").ids


@pytest.mark.parametrize(("pre", "eats"), [("roberta-bpe", True), ("gpt-2", False)])
def test_a_mask_takes_the_spaces_before_it(tmp_path: Path, pre: str, eats: bool) -> None:
    entries = {**demo_entries(), "ggml__pre": pre}
    entries["ggml__tokens"] = [*entries["ggml__tokens"], "<mask>"]
    entries["ggml__token_type"] = [*entries["ggml__token_type"], 3]
    made = write(make_header(**entries), tmp_path)
    expected = made.encode("a<mask>", add_special_tokens=False).ids
    assert (made.encode("a  <mask>", add_special_tokens=False).ids == expected) == eats


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
        ({"ggml__model": "rwkv"}, "is of the kind 'rwkv'.*known: gpt2, llama.*--weight-path"),
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
