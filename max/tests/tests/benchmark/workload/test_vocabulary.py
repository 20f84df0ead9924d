"""Random prompts of an exact length, with the demo model's real tokenizer."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer

from max.benchmark.workload.vocabulary import Vocabulary, load_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer("demo")


@pytest.fixture(scope="module")
def vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    return Vocabulary(tokenizer)


@pytest.mark.parametrize("special_tokens", [False, True])
@pytest.mark.parametrize("length", [2, 3, 17, 128, 1000])
def test_texts_have_their_exact_length(
    tokenizer: Tokenizer, vocabulary: Vocabulary, length: int, special_tokens: bool
) -> None:
    generator = np.random.default_rng(length)
    text = vocabulary.random_text(generator, length, special_tokens=special_tokens)
    assert len(tokenizer.encode(text, add_special_tokens=special_tokens).ids) == length


def test_token_ids_are_ordinary_ones(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    ids = vocabulary.random_ids(np.random.default_rng(0), 2000)
    assert len(ids) == 2000
    assert not set(ids) & set(tokenizer.get_added_tokens_decoder())
    assert max(ids) < tokenizer.get_vocab_size()


def test_texts_are_random(vocabulary: Vocabulary) -> None:
    generator = np.random.default_rng(0)
    first, second = (vocabulary.random_text(generator, 50) for _ in range(2))
    assert first[:20] != second[:20]
    assert vocabulary.random_text(np.random.default_rng(0), 50) == first


def test_special_tokens_may_be_all_of_a_prompt(vocabulary: Vocabulary) -> None:
    # The demo's tokenizer begins a prompt with a special token: one token leaves room for no text.
    assert vocabulary.random_text(np.random.default_rng(0), 1, special_tokens=True) == ""


def test_a_length_that_cannot_be_had(vocabulary: Vocabulary) -> None:
    with pytest.raises(ValueError, match="no text of exactly 0 tokens"):
        vocabulary.random_text(np.random.default_rng(0), 0, special_tokens=True)


def test_a_tokenizer_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class AutoTokenizer:
        @staticmethod
        def from_pretrained(name: str) -> None:
            raise OSError(f"nothing at {name}")

    # transformers takes seconds to import, and would ask the Hugging Face hub.
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(AutoTokenizer=AutoTokenizer))
    with pytest.raises(ValueError, match="give --tokenizer the folder of the served model"):
        load_tokenizer(str(tmp_path))
