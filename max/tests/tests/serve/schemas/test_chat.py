"""Tests of `max.serve.schemas.chat`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from max.serve.errors import ApiError
from max.serve.schemas.chat import (
    ChatChunkChoice,
    ChatCompletionChunk,
    ChatCompletionRequest,
    ChatDelta,
)
from max.serve.schemas.validation import parse_request


def parse(message: dict[str, Any], **fields: object) -> ChatCompletionRequest:
    body = {"model": "m", "messages": [message]} | fields
    return parse_request(ChatCompletionRequest, json.dumps(body).encode(), allow_extra_fields=False)


def test_newer_name_of_the_token_limit_wins() -> None:
    message = {"role": "user", "content": "x"}

    assert parse(message, max_tokens=3).completion_limit == 3
    assert parse(message, max_tokens=3, max_completion_tokens=4).completion_limit == 4
    assert parse(message).completion_limit is None


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, None),
        ({"logprobs": False, "top_logprobs": 0}, None),
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 20}, 20),
    ],
)
def test_number_of_log_probabilities(fields: dict[str, Any], wanted: int | None) -> None:
    assert parse({"role": "user", "content": "x"}, **fields).log_probabilities == wanted


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"top_logprobs": 2}, "needs 'logprobs' to be true"),
        ({"top_logprobs": 2, "logprobs": False}, "needs 'logprobs' to be true"),
        ({"top_logprobs": 21, "logprobs": True}, "less than or equal to 20"),
        ({"top_logprobs": -1, "logprobs": True}, "greater than or equal to 0"),
    ],
)
def test_wrong_numbers_of_top_logprobs_are_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ApiError, match=reason) as refusal:
        parse({"role": "user", "content": "x"}, **fields)

    assert refusal.value.body.param == "top_logprobs"


def test_usage_is_included_on_demand() -> None:
    message = {"role": "user", "content": "x"}

    assert parse(message, stream_options={"include_usage": True}).includes_usage
    assert not parse(message, stream_options={}).includes_usage
    assert not parse(message).includes_usage


def test_chunk_has_only_what_it_adds() -> None:
    chunk = ChatCompletionChunk(
        id="1", created=2, model="m", choices=[ChatChunkChoice(0, ChatDelta(content="a"))]
    )

    choice = json.loads(msgspec.json.encode(chunk))["choices"][0]

    assert choice == {
        "index": 0,
        "delta": {"content": "a"},
        "finish_reason": None,
        "logprobs": None,
    }


@pytest.mark.parametrize("given", [{}, {"parameters": None}, {"parameters": {}}])
def test_functions_without_parameters_have_none_for_templates(given: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "look"} | given, "cache_control": {"a": 1}}
    (offered,) = parse({"role": "user", "content": "x"}, tools=[tool]).offered_tools
    empty = {"type": "object", "properties": {}}
    assert offered == {"type": "function", "function": {"name": "look", "parameters": empty}}
