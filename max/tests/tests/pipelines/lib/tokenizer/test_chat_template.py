"""Conversations become the text that the template says, or a clear error."""

from __future__ import annotations

from typing import Any

import pytest

from max.pipelines.context import InputError
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.lib.tokenizer.chat_template import (
    join_without_template,
    message_for_template,
    render_chat,
    template_of,
    text_of,
)
from max.pipelines.lib.tokenizer.templates import TemplateForms
from max.pipelines.modeling.errors import ModelSourceError
from max.pipelines.modeling.types import TextGenerationRequestMessage as Message

FORMS = TemplateForms(frozenset({"user", "assistant"}), frozenset(), arguments_are_text=False)
STRICT = "{{ raise_exception('roles must alternate') }}"
WITH_TOOLS = "{% for t in tools %}{{ t.function.name }};{% endfor %}{{ messages[0].content }}"


def render(tokenizer: TextTokenizer, *messages: Message, **arguments: Any) -> str:
    """Renders through the tokenizer's own template unless another is given."""
    return render_chat(tokenizer.delegate, messages, **{"template": None, **arguments}).text


def test_own_template(byte_level: TextTokenizer) -> None:
    text = render(byte_level, Message("system", "Be kind."), Message("user", "Hi"))
    assert text == "<s><system>Be kind.<|end|><user>Hi<|end|><assistant>"


def test_other_template(byte_level: TextTokenizer) -> None:
    template = "{{ messages | length }} of {{ bos_token }}"
    assert render(byte_level, Message("user", "Hi"), template=template) == "1 of <s>"


def test_options_reach_the_template(byte_level: TextTokenizer) -> None:
    options = {"add_generation_prompt": False, "mood": "glad"}
    template = "{{ mood }}{% if add_generation_prompt %}!{% endif %}"
    assert render(byte_level, Message("user", "Hi"), template=template, options=options) == "glad"


def test_tools_reach_the_template(byte_level: TextTokenizer) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    text = render(byte_level, Message("user", "Hi"), template=WITH_TOOLS, tools=tools)
    assert text == "look;Hi"


def test_text_parts_are_joined_by_newlines(byte_level: TextTokenizer) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert render(byte_level, Message("user", parts)) == "<s><user>one\ntwo<|end|><assistant>"


@pytest.mark.parametrize(
    "part", [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text"}, {"text": 5}]
)
def test_parts_that_are_not_text(part: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="content part") as caught:
        text_of([part])
    assert caught.value.param == "messages"


def test_refusal_of_the_template(byte_level: TextTokenizer) -> None:
    with pytest.raises(InputError, match="roles must alternate") as caught:
        render(byte_level, Message("user", "Hi"), template=STRICT)
    assert caught.value.param == "messages"


def test_template_with_an_error(byte_level: TextTokenizer) -> None:
    with pytest.raises(InputError, match="chat template does not accept"):
        render(byte_level, Message("user", "Hi"), template="{{ messages[0].content + 1 }}")


def test_templates_reach_nothing_of_the_process(byte_level: TextTokenizer) -> None:
    escape = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(InputError, match="unsafe"):
        render(byte_level, Message("user", "Hi"), template=escape)


def test_numbers_of_a_request_do_not_make_endless_loops(byte_level: TextTokenizer) -> None:
    template = "{% for i in range(n) %}{% endfor %}"
    with pytest.raises(InputError, match="Range too big"):
        render(byte_level, Message("user", "Hi"), template=template, options={"n": 10**9})


@pytest.mark.parametrize(
    "name", ["tokenize", "chat_template", "return_tensors", "messages", "self", "bos_token"]
)
def test_options_that_are_not_the_templates(byte_level: TextTokenizer, name: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        render(byte_level, Message("user", "Hi"), options={name: True})
    assert caught.value.param == "chat_template_kwargs"


def test_message_leaves_out_what_was_not_given() -> None:
    assert message_for_template(Message("user", "Hi"), FORMS) == {"role": "user", "content": "Hi"}


def test_content_is_always_a_text() -> None:
    """Templates add it to others."""
    assert message_for_template(Message("assistant"), FORMS) == {"role": "assistant", "content": ""}
    calls = [{"id": "1", "function": {"name": "look", "arguments": {}}}]
    mapping = {"role": "assistant", "content": "", "tool_calls": calls}
    assert message_for_template(Message("assistant", tool_calls=calls), FORMS) == mapping


@pytest.mark.parametrize("arguments", [{}, {"arguments": ""}, {"arguments": None}])
def test_a_call_without_arguments_has_none(arguments: dict[str, Any]) -> None:
    function = {"name": "look", "parsed_arguments": {"a": 1}, **arguments}
    calls = [{"id": "1", "index": None, "function": function, "custom": None}]
    mapping = message_for_template(Message("assistant", tool_calls=calls), FORMS)
    assert mapping["tool_calls"] == [{"id": "1", "function": {"name": "look", "arguments": {}}}]


def test_what_a_template_leaves_out_without_a_word_is_refused(byte_level: TextTokenizer) -> None:
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    )
    assert render(byte_level, Message("user", "Hi"), template=template) == "Hi"
    with pytest.raises(InputError, match="leaves messages of role 'system' out") as caught:
        render(byte_level, Message("system", "Be."), Message("user", "Hi"), template=template)
    assert caught.value.param == "messages"
    empty = render(byte_level, Message("system", " "), Message("user", "Hi"), template=template)
    assert empty == "Hi"


def test_the_mark_of_a_template_s_encoding_is_no_text_of_it(byte_level: TextTokenizer) -> None:
    assert (
        render(byte_level, Message("user", "Hi"), template="\ufeff{{ messages[0].content }}")
        == "Hi"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ({"a": 1}, {"a": 1}),
        ('{"cut of', '{"cut of'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_arguments_of_tool_calls_are_objects(arguments: object, expected: object) -> None:
    calls = [{"id": "1", "function": {"name": "look", "arguments": arguments}}]
    mapping = message_for_template(Message("assistant", tool_calls=calls), FORMS)
    assert mapping["tool_calls"] == [
        {"id": "1", "function": {"name": "look", "arguments": expected}}
    ]
    assert calls[0]["function"] == {"name": "look", "arguments": arguments}


def test_thoughts_have_the_names_that_templates_read(byte_level: TextTokenizer) -> None:
    message = Message("assistant", "Hi", reasoning_content="Hm.")
    template = "{{ messages[0].thinking }}{{ messages[0].reasoning_content }}"
    assert render(byte_level, message, template=template) == "Hm.Hm."


SEVERAL = {"default": "plain", "tool_use": "{{ tools | length }} tools"}


def test_a_template_for_tools() -> None:
    assert template_of(SEVERAL) == "plain"
    assert template_of(SEVERAL, has_tools=True) == SEVERAL["tool_use"]
    assert template_of({"default": "plain"}, has_tools=True) == "plain"
    with pytest.raises(ModelSourceError, match="none is named 'default': rag, tool_use"):
        template_of({"rag": "x", "tool_use": "y"})


CONTINUED = {"add_generation_prompt": False, "continue_final_message": True}


def test_the_last_message_is_continued(byte_level: TextTokenizer) -> None:
    options = {**CONTINUED}
    text = render(
        byte_level, Message("user", "Hi"), Message("assistant", "Well, "), options=options
    )
    assert text == "<s><user>Hi<|end|><assistant>Well, "


@pytest.mark.parametrize(
    ("messages", "options", "template", "reason"),
    [
        (1, {"continue_final_message": True}, None, "set one of them to false"),
        (0, CONTINUED, None, "no message to continue"),
        (1, CONTINUED, "{{ messages | length }}", "leaves the last message out"),
    ],
)
def test_what_cannot_be_continued(
    byte_level: TextTokenizer,
    messages: int,
    options: dict[str, Any],
    template: str | None,
    reason: str,
) -> None:
    conversation = [Message("user", "Hi")] * messages
    with pytest.raises(InputError, match=reason):
        render(byte_level, *conversation, template=template, options=options)


def test_words_of_the_user_without_a_template() -> None:
    assert join_without_template([Message("user", "One. "), Message("user", "Two.")]) == "One. Two."


def test_other_speakers_need_a_template() -> None:
    messages = [Message("system", "Be kind."), Message("user", "Hi")]
    with pytest.raises(InputError, match=r"role system .*--chat-template"):
        join_without_template(messages)
