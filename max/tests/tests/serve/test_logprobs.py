"""Tests of `max.serve.logprobs`."""

from __future__ import annotations

import msgspec

from max.pipelines.lib.token_pieces import TokenPieces
from max.pipelines.lib.tokenizer import TextTokenizer
from max.serve.logprobs import chat_logprobs, completion_logprobs
from max.serve.scored_text import ScoredToken


def test_nothing_asked_is_null(tokenizer: TextTokenizer) -> None:
    pieces = TokenPieces(tokenizer)

    assert chat_logprobs([], pieces) is None
    assert completion_logprobs([], pieces) is None


def test_chat(tokenizer: TextTokenizer) -> None:
    first, _ = tokenizer.delegate.encode("é")
    (letter,) = tokenizer.delegate.encode("a")
    scores = [
        ScoredToken(first, -2.0, {letter: -0.5, first: -2.0}, 0),
        ScoredToken(tokenizer.eos, -1.0, {}, 1),
    ]

    found = msgspec.to_builtins(chat_logprobs(scores, TokenPieces(tokenizer)))

    part = {"token": "\N{REPLACEMENT CHARACTER}", "logprob": -2.0, "bytes": [0xC3]}
    other = {"token": "a", "logprob": -0.5, "bytes": [0x61]}
    end = {"token": "</s>", "logprob": -1.0, "bytes": None}
    assert found == {
        "content": [{**part, "top_logprobs": [other, part]}, {**end, "top_logprobs": []}],
        "refusal": None,
    }


def test_completion(tokenizer: TextTokenizer) -> None:
    """The best ones, and the token that stands there too."""
    a, b = tokenizer.delegate.encode("ab")
    scores = [ScoredToken(a, None, {}, 0), ScoredToken(b, -3.0, {a: -0.1}, 1)]

    assert msgspec.to_builtins(completion_logprobs(scores, TokenPieces(tokenizer))) == {
        "text_offset": [0, 1],
        "tokens": ["a", "b"],
        "token_logprobs": [None, -3.0],
        "top_logprobs": [None, {"a": -0.1, "b": -3.0}],
    }


def test_of_tokens_that_look_alike_the_most_likely_is_shown(tokenizer: TextTokenizer) -> None:
    """Parts of characters all look like U+FFFD."""
    first, second = tokenizer.delegate.encode("é")
    scores = [ScoredToken(second, -3.0, {first: -0.1, second: -3.0}, 0)]

    found = completion_logprobs(scores, TokenPieces(tokenizer))

    assert found is not None
    assert found.token_logprobs == [-3.0]
    assert found.top_logprobs == [{"\N{REPLACEMENT CHARACTER}": -0.1}]
