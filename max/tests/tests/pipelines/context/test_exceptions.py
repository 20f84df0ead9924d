"""Errors of a request say what the sender needs, also after crossing processes."""

from __future__ import annotations

import pickle

from max.pipelines.context import InputError, PromptTooLongError


def test_prompt_too_long_says_both_numbers() -> None:
    error = PromptTooLongError(5000, 4096, param="messages")
    assert str(error).startswith(
        "This model's maximum context length is 4096 tokens. However, your messages resulted in "
        "5000 tokens"
    )
    assert (error.param, error.code) == ("messages", "context_length_exceeded")


def test_errors_cross_processes() -> None:
    copy = pickle.loads(pickle.dumps(PromptTooLongError(5, 4, param="messages")))
    assert (copy.given, copy.allowed, copy.param) == (5, 4, "messages")
    assert str(copy) == str(PromptTooLongError(5, 4, param="messages"))
    plain = pickle.loads(pickle.dumps(InputError("no", param="stop", code="c")))
    assert (str(plain), plain.param, plain.code) == ("no", "stop", "c")
