"""Tests of `max.serve.schemas.validation` on the two real requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from max.serve.errors import ApiError, ErrorBody
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.completion import CompletionRequest
from max.serve.schemas.validation import parse_request

HELLO = [{"role": "user", "content": "hello"}]


def make_body(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": HELLO} | fields).encode()


def parse_chat(**fields: object) -> ChatCompletionRequest:
    return parse_request(ChatCompletionRequest, make_body(**fields), allow_extra_fields=False)


def refused_chat(**fields: object) -> ErrorBody:
    with pytest.raises(ApiError) as refusal:
        parse_chat(**fields)
    assert refusal.value.status == 400
    assert refusal.value.body.type == "invalid_request_error"
    return refusal.value.body


def refused_body(raw: bytes) -> ErrorBody:
    with pytest.raises(ApiError) as refusal:
        parse_request(ChatCompletionRequest, raw, allow_extra_fields=False)
    return refusal.value.body


@pytest.mark.parametrize("raw", [b"", b"{", b"{'model': 1}", b"\xff\xfe", b'{"model": "\\ud800"}'])
def test_body_that_is_not_json(raw: bytes) -> None:
    error = refused_body(raw)

    assert error.code == "invalid_json"
    assert "could not parse the JSON body" in error.message


@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b'"x"'])
def test_body_that_is_no_object(raw: bytes) -> None:
    error = refused_body(raw)

    assert (error.param, error.code) == (None, "invalid_type")
    assert "must be a JSON object" in error.message


def test_missing_fields_are_named() -> None:
    error = refused_body(b'{"messages": []}')

    assert (error.param, error.code) == ("model", "missing_required_parameter")


def test_unknown_fields_are_named() -> None:
    error = refused_chat(temperatur=1)

    assert (error.param, error.code) == ("temperatur", "unknown_parameter")
    assert "--allow-extra-request-fields" in error.message


def test_unknown_fields_inside_are_named() -> None:
    error = refused_chat(messages=[{"role": "user", "content": "x", "colour": "red"}])

    assert error.param == "messages[0].colour"


def test_unknown_fields_can_be_allowed() -> None:
    message = {"role": "user", "content": "x", "colour": "red"}

    body = make_body(temperatur=1, messages=[message])
    request = parse_request(ChatCompletionRequest, body, allow_extra_fields=True)

    assert request.messages[0].content == "x"


def test_wrong_types_stay_errors_when_unknown_fields_are_allowed() -> None:
    with pytest.raises(ApiError, match="'temperature'"):
        parse_request(ChatCompletionRequest, make_body(temperature="hot"), allow_extra_fields=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "hot"),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("top_p", 0),
        ("top_p", 1.5),
        ("top_k", 1.5),
        ("top_k", -2),
        ("min_p", 2),
        ("seed", "7"),
        ("seed", 2**63),
        ("frequency_penalty", 3),
        ("presence_penalty", -3),
        ("repetition_penalty", 0),
        ("max_tokens", 0),
        ("max_tokens", True),
        ("max_tokens", "5"),
        ("max_completion_tokens", -1),
        ("min_tokens", -1),
        ("min_tokens", 2**31),
        ("max_tokens", 10**30),
        ("max_completion_tokens", 10**30),
        ("top_k", 10**30),
        ("stop_token_ids", [10**30]),
        ("logit_bias", {"1" * 11: 1}),
        ("n", 0),
        ("n", 1000),
        ("stop", 5),
        ("stop", [1]),
        ("stop", ""),
        ("stop", ["x"] * 17),
        ("stop_token_ids", [-1]),
        ("stop_token_ids", "5"),
        ("ignore_eos", 1),
        ("logit_bias", {"a": 1}),
        ("logit_bias", {"5": 101}),
        ("stream", "yes"),
        ("messages", []),
        ("messages", "hello"),
    ],
)
def test_bad_values_name_their_field(field: str, value: object) -> None:
    error = refused_chat(**{field: value})

    assert error.param is not None
    assert error.param.split(".")[0].split("[")[0] == field
    assert error.code in ("invalid_type", "invalid_value")
    assert f"'{error.param}'" in error.message


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e999"])
def test_numbers_are_finite(literal: str) -> None:
    raw = f'{{"model": "m", "prompt": "x", "repetition_penalty": {literal}}}'.encode()

    with pytest.raises(ApiError):
        parse_request(CompletionRequest, raw, allow_extra_fields=False)


def test_long_inputs_are_not_repeated_whole() -> None:
    assert len(refused_chat(stream="y" * 10_000).message) < 500


@pytest.mark.parametrize(
    "fields",
    [
        {"functions": [{"name": "f"}]},
        {"reasoning_effort": "low"},
        {"audio": {"voice": "x"}},
        {"store": True},
    ],
)
def test_what_this_release_does_not_do_is_said(fields: dict[str, Any]) -> None:
    error = refused_chat(**fields)

    assert (error.param, error.code) == (next(iter(fields)), "unsupported_parameter")
    assert "not supported" in error.message


def test_neutral_values_of_unsupported_fields_are_taken() -> None:
    parse_chat(
        tools=[],
        tool_choice="none",
        response_format={"type": "text"},
        logprobs=False,
        top_logprobs=0,
        store=False,
        parallel_tool_calls=True,
    )


def test_neutral_values_are_of_their_own_type() -> None:
    assert refused_chat(logprobs=0).param == "logprobs"


def test_fields_without_effect_are_taken() -> None:
    parse_chat(user="u", metadata={"a": "b"}, service_tier="auto", prompt_cache_key="k")


def test_null_means_absent_in_every_optional_field() -> None:
    optional = set(ChatCompletionRequest.model_fields) - {"model", "messages"}

    assert parse_chat(**dict.fromkeys(optional)) == parse_chat()


def test_errors_of_a_list_end_with_the_first() -> None:
    error = refused_chat(messages=[0] * 5000)

    assert (error.param, error.code) == ("messages[0]", "invalid_type")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": HELLO * 8193}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}] * 8193}]}, "messages[0]"),
        ({"stop_token_ids": [1] * 1025}, "stop_token_ids"),
        ({"logit_bias": {str(token): 1 for token in range(16_385)}}, "logit_bias"),
        ({"metadata": {str(number): "x" for number in range(65)}}, "metadata"),
        ({"stop": ["a" * 4097]}, "stop"),
    ],
)
def test_lists_objects_and_texts_are_bounded(fields: dict[str, Any], param: str) -> None:
    error = refused_chat(**fields)

    assert error.param is not None
    assert error.param.startswith(param)
    assert "at most" in error.message


def test_many_unknown_fields_cost_one_error() -> None:
    error = refused_chat(**{f"k{number}": 1 for number in range(10_000)})

    assert "should have at most" in error.message


def test_errors_repeat_a_line_of_what_was_given() -> None:
    wrong = "x" * 100_000

    errors = [
        refused_chat(temperature=wrong),
        refused_chat(temperature=[wrong] * 9),
        refused_chat(**{wrong: 1}),
        refused_chat(logit_bias={wrong: 1}),
        refused_chat(messages=[{"role": "user", "content": "x", wrong: 1}]),
    ]

    assert all(len(error.message) < 1100 for error in errors)
    assert all(len(error.param or "") < 110 for error in errors)
