"""Penalties change logits as Hugging Face and OpenAI define them, and only where they should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import (
    MinNewTokensLengthLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
)

from max.pipelines.context import TextContext
from max.pipelines.sampling.penalties import edit_logits, edits_logits

MakeContext = Callable[..., TextContext]
VOCAB_SIZE = 12


def make_logits() -> torch.Tensor:
    """Positive and negative logits."""
    return torch.linspace(-3, 3, VOCAB_SIZE)


def edited(context: TextContext) -> torch.Tensor:
    """The logits after the request's changes."""
    logits = make_logits()
    edit_logits(logits, context)
    return logits


@pytest.mark.parametrize("penalty", [0.5, 1.3, 2.0])
def test_repetition_penalty_is_hugging_faces(make_context: MakeContext, penalty: float) -> None:
    context = make_context([1, 2, 2, 11], [2, 7, 11], repetition_penalty=penalty)
    ids = torch.from_numpy(context.tokens.all)[None]
    expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, make_logits()[None])
    torch.testing.assert_close(edited(context)[None], expected)


def test_frequency_and_presence_penalties_are_openais(make_context: MakeContext) -> None:
    """logit[j] - count[j] * frequency_penalty - (count[j] > 0) * presence_penalty."""
    context = make_context([1, 1, 5], [2, 7, 2, 2], frequency_penalty=0.25, presence_penalty=-1.5)
    expected = make_logits()
    expected[2] -= 3 * 0.25 - 1.5
    expected[7] -= 1 * 0.25 - 1.5
    torch.testing.assert_close(edited(context), expected)


@pytest.mark.parametrize(
    ("params", "penalty"),
    [
        ({"frequency_penalty": 0.5}, 1.0),
        ({"presence_penalty": 0.5}, 0.5),
        ({"frequency_penalty": 1.0}, 2.0),
        ({"presence_penalty": 1.0}, 1.0),
    ],
)
def test_either_penalty_alone(
    make_context: MakeContext, params: dict[str, float], penalty: float
) -> None:
    expected = make_logits()
    expected[4] -= penalty
    torch.testing.assert_close(edited(make_context([1], [4, 4], **params)), expected)


@pytest.mark.parametrize("token", [0, 1, VOCAB_SIZE - 1])
def test_any_token_of_the_model_may_have_a_bias(make_context: MakeContext, token: int) -> None:
    expected = make_logits()
    expected[token] += 2
    torch.testing.assert_close(edited(make_context(logit_bias={token: 2.0})), expected)


@pytest.mark.parametrize(
    "params",
    [
        {"generated": [VOCAB_SIZE], "frequency_penalty": 1.0},
        {"generated": [], "end_tokens": [VOCAB_SIZE], "min_new_tokens": 2},
    ],
)
def test_request_that_names_a_token_which_is_missing_is_named(
    make_context: MakeContext, params: dict[str, Any]
) -> None:
    context = make_context([1], **params)
    with pytest.raises(ValueError, match=f"Request {context.request_id} names"):
        edited(context)


def test_penalties_of_a_request_without_tokens_yet(make_context: MakeContext) -> None:
    context = make_context([1], frequency_penalty=1.0, presence_penalty=1.0)
    torch.testing.assert_close(edited(context), make_logits())


def test_logit_bias_is_hugging_faces(make_context: MakeContext) -> None:
    bias = {3: 5.0, 9: -100.0}
    processor = SequenceBiasLogitsProcessor([[[token], value] for token, value in bias.items()])
    expected = processor(torch.tensor([[1, 2, 3]]), make_logits()[None])
    torch.testing.assert_close(edited(make_context(logit_bias=bias))[None], expected)


@pytest.mark.parametrize("num_generated", [0, 1, 2, 3])
def test_no_end_too_early_is_hugging_faces(make_context: MakeContext, num_generated: int) -> None:
    context = make_context([1], [5] * num_generated, end_tokens=[4, 8], min_new_tokens=2)
    processor = MinNewTokensLengthLogitsProcessor(1, 2, [4, 8])
    ids = torch.from_numpy(context.tokens.all)[None]
    torch.testing.assert_close(edited(context)[None], processor(ids, make_logits()[None]))
    assert edits_logits(context) == (num_generated < 2)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, False),
        ({"temperature": 0.5, "top_k": 3}, False),
        ({"repetition_penalty": 1.1}, True),
        ({"frequency_penalty": 0.1}, True),
        ({"presence_penalty": 0.1}, True),
        ({"logit_bias": {1: 1.0}}, True),
        ({"logits_processors": [print]}, True),
    ],
)
def test_requests_that_change_logits(
    make_context: MakeContext, params: dict[str, object], expected: bool
) -> None:
    assert edits_logits(make_context(**params)) is expected


@pytest.mark.parametrize("params", [{"logit_bias": {VOCAB_SIZE: 1.0}}, {"repetition_penalty": 1.5}])
def test_token_that_the_model_does_not_have(
    make_context: MakeContext, params: dict[str, object]
) -> None:
    context = make_context([1, VOCAB_SIZE], **params)
    with pytest.raises(ValueError, match=f"to {VOCAB_SIZE}; .* tokens 0 to {VOCAB_SIZE - 1}"):
        edited(context)
