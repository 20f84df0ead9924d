"""Tests of `max.serve.schemas.conversation`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage, ParsedChatCompletionMessage

from max.serve.errors import ApiError
from max.serve.schemas.conversation import ChatMessage, Conversation
from max.serve.schemas.validation import parse_request

HELLO = {"role": "user", "content": "Hello"}


def parse(*messages: dict[str, Any], **fields: object) -> Conversation:
    body = {"messages": messages} | fields
    return parse_request(Conversation, json.dumps(body).encode(), allow_extra_fields=False)


def message_of(message: dict[str, Any]) -> ChatMessage:
    return parse(message).messages[0]


def refused(*messages: dict[str, Any], **fields: object) -> ApiError:
    with pytest.raises(ApiError) as refusal:
        parse(*messages, **fields)
    return refusal.value


def test_parts_stay_parts_and_what_was_refused_is_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]

    content = message_of({"role": "assistant", "content": parts}).template_content()

    assert content == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"content": None}, None),
        ({}, None),
        ({"content": "5"}, "5"),
    ],
)
def test_content_of_an_answer(message: dict[str, Any], content: str | None) -> None:
    assert message_of({"role": "assistant"} | message).template_content() == content


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (None, ["No."]),
        ("", ["No."]),
        ("5", ["5", "No."]),
        ([{"type": "text", "text": "5"}], ["5", "No."]),
    ],
)
def test_what_was_refused_stands_behind_the_content(content: object, texts: list[str]) -> None:
    message = message_of({"role": "assistant", "content": content, "refusal": "No."})

    assert message.template_content() == [{"type": "text", "text": text} for text in texts]


@pytest.mark.parametrize("kind", [ChatCompletionMessage, ParsedChatCompletionMessage])
@pytest.mark.parametrize("exclude_none", [False, True])
def test_dumps_of_the_official_client_are_read(
    kind: type[ChatCompletionMessage], exclude_none: bool
) -> None:
    answer = kind(role="assistant", content="5").model_dump(exclude_none=exclude_none)

    assert message_of(answer).template_content() == "5"


@pytest.mark.parametrize(
    "extra",
    [
        {"annotations": []},
        {"annotations": [{"type": "url_citation", "url_citation": {"url": "x"}}]},
        {"tool_calls": [], "audio": None, "function_call": None, "refusal": None},
        {"provider_specific_fields": {"refusal": None}, "thinking_blocks": None, "images": None},
        {"parsed": {"total": 5}},
        {"cache_control": {"type": "ephemeral"}},
        {"a_field_of_next_year": None},
    ],
)
def test_fields_that_say_nothing_to_a_model(extra: dict[str, Any]) -> None:
    assert message_of({"role": "assistant", "content": "5"} | extra).content == "5"


def test_unknown_fields_with_a_value_are_refused_where_they_stand() -> None:
    error = refused(HELLO, HELLO | {"colour": "red"})

    assert error.body.param == "messages[1].colour"
    assert "messages[1].colour" in error.body.message


@pytest.mark.parametrize(
    "hint", [{"cache_control": {"type": "ephemeral"}}, {"citations": None}, {"index": 0}]
)
def test_hints_inside_parts_are_ignored(hint: dict[str, Any]) -> None:
    part = {"type": "text", "text": "Hello"} | hint

    content = message_of({"role": "user", "content": [part]}).template_content()

    assert content == [{"type": "text", "text": "Hello"}]


def test_thoughts_are_kept_by_either_name() -> None:
    for name in ("reasoning_content", "reasoning"):
        message = message_of({"role": "assistant", "content": "5", name: "2 + 3"})
        assert (message.reasoning_content or message.reasoning) == "2 + 3"


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url", "image_url": {"url": "x"}}, "messages[0].content[0]"),
        ({"type": "text", "text": "x", "image_url": {"url": "x"}}, "messages[0].content[0]"),
        ({"type": "video"}, "messages[0].content[0].type"),
        ({"type": "text"}, "messages[0].content[0].text"),
        ({"type": "text", "text": 5}, "messages[0].content[0].text"),
    ],
)
def test_other_parts_are_refused_where_they_stand(part: dict[str, Any], param: str) -> None:
    error = refused({"role": "user", "content": [part]})

    assert error.body.param == param
    assert param in error.body.message


def test_the_message_names_a_field_that_is_not_supported() -> None:
    error = refused({"role": "assistant", "content": None, "audio": {"id": "a"}})

    assert error.body.param == "messages[0].audio"
    assert "messages[0].audio" in error.body.message


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {}),
        ({"add_generation_prompt": None, "continue_final_message": None}, {}),
        ({"add_generation_prompt": False}, {"add_generation_prompt": False}),
        (
            {"continue_final_message": True},
            {"add_generation_prompt": False, "continue_final_message": True},
        ),
        (
            {"add_generation_prompt": False, "continue_final_message": True},
            {"add_generation_prompt": False, "continue_final_message": True},
        ),
        (
            {"add_generation_prompt": True, "chat_template_kwargs": {"thinking": False}},
            {"add_generation_prompt": True, "thinking": False},
        ),
    ],
)
def test_variables_of_the_template(fields: dict[str, Any], options: dict[str, Any]) -> None:
    assert parse(HELLO, **fields).template_options == options


@pytest.mark.parametrize("role", ["user", "system", "developer"])
@pytest.mark.parametrize("content", [{}, {"content": None}])
def test_only_the_model_and_tools_may_say_nothing(role: str, content: dict[str, Any]) -> None:
    error = refused({"role": role} | content)

    assert error.body.param == "messages[0]"
    assert "'content'" in error.body.message
    assert message_of({"role": "tool", "tool_call_id": "1"}).template_content() is None


def test_an_answer_cannot_both_begin_and_go_on() -> None:
    error = refused(HELLO, add_generation_prompt=True, continue_final_message=True)

    assert error.body.param == "continue_final_message"


def test_a_byte_order_mark_is_no_part_of_json() -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"messages": [HELLO]}).encode()

    assert (
        parse_request(Conversation, body, allow_extra_fields=False).messages[0].content == "Hello"
    )
