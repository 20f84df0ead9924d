"""Pieces of a text decode as they do behind the text before them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.lib.tokenizer.anchored_decoder import AnchoredDecoder


def make_word_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, which its decoder joins by spaces."""
    vocabulary = {word: token for token, word in enumerate(words)}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(vocabulary, "?")))


def test_space_before_a_word_is_kept(byte_fallback: TextTokenizer) -> None:
    decoder = AnchoredDecoder(byte_fallback.delegate)
    [token] = byte_fallback.delegate.encode("hello", add_special_tokens=False)
    assert decoder.at_start([token]) == "hello"
    assert decoder.after_text([token]) == " hello"


def test_special_tokens_are_skipped_on_request(byte_level: TextTokenizer) -> None:
    decoder = AnchoredDecoder(byte_level.delegate)
    assert decoder.after_text([byte_level.eos]) == "</s>"
    assert decoder.after_text([byte_level.eos], skip_special_tokens=True) == ""


def test_bytes_do_not_join_the_anchor(byte_fallback: TextTokenizer) -> None:
    decoder = AnchoredDecoder(byte_fallback.delegate)
    token = byte_fallback.delegate.get_vocab()["<0xE6>"]
    assert decoder.after_text([token]) == "\N{REPLACEMENT CHARACTER}"


def test_token_is_decoded_once_for_each_way_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    delegate = make_word_tokenizer(["?", "a", "word"])
    delegate.add_special_tokens({"eos_token": "<end>"})
    decoder, decode, decoded = AnchoredDecoder(delegate), delegate.decode, list[list[int]]()

    def noted_decode(ids: list[int], **options: bool) -> str:
        decoded.append(ids)
        return str(decode(ids, **options))

    monkeypatch.setattr(delegate, "decode", noted_decode)
    texts = [
        decoder.after_text([token], skip_special_tokens=skip)
        for token, skip in [(2, False), (3, False), (3, True)] * 2
    ]

    assert texts == [" word", " <end>", ""] * 2
    assert len(decoded) == 3


def test_words_joined_by_the_decoder() -> None:
    decoder = AnchoredDecoder(make_word_tokenizer(["?", "a", "word"]))
    assert decoder.at_start([2]) == "word"
    assert decoder.after_text([2]) == " word"


def test_tokenizer_without_letters_and_digits_is_refused() -> None:
    with pytest.raises(ValueError, match="piece by piece"):
        AnchoredDecoder(make_word_tokenizer(["?", "word"]))


def test_decoder_is_made_once(byte_level_folder: Path) -> None:
    tokenizer = TextTokenizer(byte_level_folder)
    assert tokenizer.anchored_decoder is tokenizer.anchored_decoder
