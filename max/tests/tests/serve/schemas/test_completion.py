"""Tests of `max.serve.schemas.completion`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from max.serve.errors import ApiError
from max.serve.schemas.completion import CompletionRequest
from max.serve.schemas.validation import parse_request


def parse(**fields: object) -> CompletionRequest:
    body = json.dumps({"model": "m"} | fields).encode()
    return parse_request(CompletionRequest, body, allow_extra_fields=False)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
    ],
)
def test_the_four_forms_of_a_prompt(prompt: object, prompts: object) -> None:
    assert parse(prompt=prompt).prompt == prompts


@pytest.mark.parametrize(
    "prompt", [None, 5, [], [[]], [1, "a"], [1.5], [True], [-1], [2**31], {"a": 1}]
)
def test_other_prompts_are_refused(prompt: object) -> None:
    with pytest.raises(ApiError, match="a string, a list of strings") as refusal:
        parse(prompt=prompt)

    assert refusal.value.body.param == "prompt"


def test_what_this_release_does_not_do_is_said() -> None:
    with pytest.raises(ApiError, match="not supported") as refusal:
        parse(prompt="a", suffix="x")

    assert refusal.value.body.param == "suffix"


def test_best_of_the_answers_that_are_returned_is_all_of_them() -> None:
    parse(prompt="a", best_of=1, suffix="")
    parse(prompt="a", best_of=3, n=3)


@pytest.mark.parametrize("fields", [{"best_of": 2}, {"best_of": 1, "n": 2}, {"best_of": 3, "n": 2}])
def test_best_of_others_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=f"should be n, which is {fields.get('n', 1)}") as refusal:
        parse(prompt="a", **fields)

    assert refusal.value.body.param == "best_of"


@pytest.mark.parametrize(("logprobs", "wanted"), [(None, None), (0, 0), (20, 20)])
def test_number_of_log_probabilities(logprobs: int | None, wanted: int | None) -> None:
    assert parse(prompt="a", logprobs=logprobs).log_probabilities == wanted


@pytest.mark.parametrize("logprobs", [-1, 21, True, 1.5, "1"])
def test_other_numbers_of_log_probabilities_are_refused(logprobs: object) -> None:
    with pytest.raises(ApiError) as refusal:
        parse(prompt="a", logprobs=logprobs)

    assert refusal.value.body.param == "logprobs"


def test_no_token_may_be_asked_for() -> None:
    """As OpenAI's: with echo it returns the prompt's log probabilities alone."""
    assert parse(prompt="a", max_tokens=0).completion_limit == 0


@pytest.mark.parametrize(("stop", "stops"), [(None, []), ("a", ["a"]), (["a", "b"], ["a", "b"])])
def test_stop_is_a_string_or_several(stop: object, stops: list[str]) -> None:
    assert parse(prompt="a", stop=stop).stop == stops
