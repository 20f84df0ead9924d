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


@pytest.mark.parametrize(
    "fields", [{"echo": True}, {"suffix": "x"}, {"best_of": 2}, {"logprobs": 1}]
)
def test_what_this_release_does_not_do_is_said(fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="not supported") as refusal:
        parse(prompt="a", **fields)

    assert refusal.value.body.param == next(iter(fields))


def test_best_of_one_is_what_is_done_anyway() -> None:
    parse(prompt="a", best_of=1, echo=False, suffix="", logprobs=None)


@pytest.mark.parametrize(("stop", "stops"), [(None, []), ("a", ["a"]), (["a", "b"], ["a", "b"])])
def test_stop_is_a_string_or_several(stop: object, stops: list[str]) -> None:
    assert parse(prompt="a", stop=stop).stop == stops
