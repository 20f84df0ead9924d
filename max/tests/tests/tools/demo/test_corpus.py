"""Training text: packed rows whose weights teach answers."""

import itertools
import random

import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from max.demo import model_path
from tools.demo.corpus import PROMPT_WEIGHT, Packer, completion_prompt, draw_document, sample_texts
from tools.demo.problems import Problem


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    loaded = AutoTokenizer.from_pretrained(model_path())
    assert isinstance(loaded, PreTrainedTokenizerFast)
    return loaded


def test_rows_have_the_shape_asked_for_and_are_reproducible(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    first = Packer(tokenizer, seed=5).batch(rows=3, length=200)
    again = Packer(tokenizer, seed=5).batch(rows=3, length=200)
    assert first.tokens.shape == first.weights.shape == (3, 200)
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.weights, again.weights)


def test_weights_are_full_on_answers_and_zero_where_a_document_begins(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    batch = Packer(tokenizer, seed=5).batch(rows=8, length=512)
    begins = batch.tokens == tokenizer.bos_token_id
    ends = batch.tokens == tokenizer.get_vocab()["<|end_of_text|>"]
    assert begins.any() and ends.any()
    assert (batch.weights[begins] == 0).all()
    assert (batch.weights[ends] == 1).all()
    assert batch.weights.unique().tolist() == pytest.approx([0.0, PROMPT_WEIGHT, 1.0])


def test_pieces_are_encoded_as_their_text_is_in_one_go(tokenizer: PreTrainedTokenizerFast) -> None:
    rng = random.Random(0)
    for _ in range(100):
        pieces = draw_document(rng, turns=3)
        apart = tokenizer([p.text for p in pieces], add_special_tokens=False)["input_ids"]
        whole = tokenizer("".join(p.text for p in pieces), add_special_tokens=False)["input_ids"]
        assert list(itertools.chain.from_iterable(apart)) == whole


def test_completion_prompts_are_those_of_evaluation_harnesses() -> None:
    shot = Problem("Why?", "1 + 1 = 2\n#### 2", 2, ())
    assert completion_prompt("How?", [shot]) == (
        "Question: Why?\nAnswer: 1 + 1 = 2\n#### 2\n\nQuestion: How?\nAnswer:"
    )


def test_tokenizer_samples_hold_no_special_tokens() -> None:
    texts = list(sample_texts(seed=0, count=50))
    assert texts == list(sample_texts(seed=0, count=50))
    assert not any("<|" in text for text in texts)
