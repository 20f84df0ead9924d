"""Tests of `max.serve.schemas.responses`."""

from __future__ import annotations

import json

import pytest

from max.serve.errors import ApiError
from max.serve.responses_to_chat import input_messages
from max.serve.schemas.responses import ResponsesRequest
from max.serve.schemas.validation import parse_request


def parse(**fields: object) -> ResponsesRequest:
    body = json.dumps({"model": "m", "input": "Hello"} | fields).encode()
    return parse_request(ResponsesRequest, body, allow_extra_fields=False)


def test_what_was_refused_is_text() -> None:
    parts = [{"type": "refusal", "refusal": "No."}]
    item = {"type": "message", "role": "assistant", "content": parts, "phase": None}
    assert input_messages(parse(input=[item])) == [{"role": "assistant", "content": "No."}]


def test_unknown_fields_are_refused_unless_they_are_null() -> None:
    parse(text={"format": {"type": "text"}, "verbosity": None}, a_field_of_next_year=None)
    with pytest.raises(ApiError, match=r"supplied: text\.colour"):
        parse(text={"format": {"type": "text"}, "colour": "red"})
