"""A request has one input, and messages in one form."""

from __future__ import annotations

from typing import Any

import pytest

from max.pipelines.context import InputError
from max.pipelines.modeling.types import (
    RequestID,
    SamplingParams,
    TextGenerationRequest,
    TextGenerationRequestMessage,
)


def test_documented_form() -> None:
    request = TextGenerationRequest(
        request_id=RequestID(),
        model_name="demo",
        prompt="Hello",
        sampling_params=SamplingParams(max_new_tokens=5),
    )
    assert request.prompt == "Hello" and list(request.messages) == []


def test_mappings_become_messages() -> None:
    own = TextGenerationRequestMessage("assistant", "Hello")
    request = TextGenerationRequest(messages=[{"role": "user", "content": "Hi"}, own])  # type: ignore[list-item]
    assert list(request.messages) == [TextGenerationRequestMessage("user", "Hi"), own]


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({}, "neither was"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "x"}]}, "both were"),
    ],
)
def test_request_has_one_input(fields: dict[str, Any], given: str) -> None:
    with pytest.raises(InputError, match=given):
        TextGenerationRequest(**fields)


def test_empty_prompt_is_a_prompt() -> None:
    assert TextGenerationRequest(prompt="").prompt == ""


@pytest.mark.parametrize(
    "message", [{"content": "Hi"}, {"role": "user", "content": "Hi", "colour": "red"}]
)
def test_keys_of_a_message(message: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="needs 'role'") as caught:
        TextGenerationRequestMessage.from_mapping(message)
    assert caught.value.param == "messages"
