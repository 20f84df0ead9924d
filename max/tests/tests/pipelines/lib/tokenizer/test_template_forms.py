"""The form in which templates read messages is found out from them."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import TemplateSyntaxError

from max.pipelines.context import InputError
from max.pipelines.lib.tokenizer import TextTokenizer
from max.pipelines.lib.tokenizer.chat_template import check_template, render_chat
from max.pipelines.lib.tokenizer.template_forms import forms_of
from max.pipelines.modeling.errors import ModelSourceError
from max.pipelines.modeling.types import TextGenerationRequestMessage as Message

TEXT = "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% endfor %}"
PARTS = (
    "{% for m in messages %}[{{ m.role }}]"
    "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"
    "{% endfor %}"
)
EITHER = (
    "{% for m in messages %}[{{ m.role }}]{% if m.content is string %}{{ m.content }}"
    "{% else %}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endif %}{% endfor %}"
)
DUMPS = "{% for m in messages %}[{{ m.role }}]{{ m.content | tojson }}{% endfor %}"
REPR = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
SYSTEM_IS_TEXT = (
    "{% if messages[0].role == 'system' %}{{ 'S:' + messages[0].content }}{% endif %}"
    "{% for m in messages if m.role != 'system' %}"
    "{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
)
ENDLESS = "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(messages) }}"

TWO = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def render(tokenizer: TextTokenizer, template: str, *messages: Message, **more: Any) -> str:
    return render_chat(tokenizer.delegate, messages, template=template, **more).text


@pytest.mark.parametrize(
    ("template", "of_text", "of_parts"),
    [
        (TEXT, "[user]Hi", "[user]a\nb"),
        (PARTS, "[user]Hi", "[user]ab"),
        (EITHER, "[user]Hi", "[user]<a><b>"),
        (DUMPS, '[user]"Hi"', '[user]"a\\nb"'),
        (REPR, "[user]Hi", "[user]a\nb"),
        (SYSTEM_IS_TEXT, "Hi", "ab"),
    ],
)
def test_what_a_user_wrote_is_in_the_prompt_as_the_template_reads_it(
    byte_level: TextTokenizer, template: str, of_text: str, of_parts: str
) -> None:
    assert render(byte_level, template, Message("user", "Hi")) == of_text
    assert render(byte_level, template, Message("user", TWO)) == of_parts


def test_each_role_has_its_own_form(byte_level: TextTokenizer) -> None:
    forms = forms_of(SYSTEM_IS_TEXT)
    assert ("system" in forms.as_text, "system" in forms.as_parts) == (True, False)
    assert ("user" in forms.as_text, "user" in forms.as_parts) == (False, True)
    messages = (Message("system", TWO), Message("user", "Hi"))
    assert render(byte_level, SYSTEM_IS_TEXT, *messages) == "S:a\nbHi"


LOOPS = (
    "{% for m in messages %}{% for t in m.tool_calls or [] %}"
    "{% for k, v in t.function.arguments | items %}{{ k }}={{ v }}{% endfor %}"
    "{% endfor %}{% endfor %}"
)
CALLS = "{% for m in messages %}{% for t in m.tool_calls or [] %}%s{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (CALLS.replace("%s", "{{ t.function.arguments | tojson }}"), '{"city": "Oslo"}'),
        (CALLS.replace("%s", "{{ 'args:' + t.function.arguments }}"), 'args:{"city": "Oslo"}'),
        (CALLS.replace("%s", "{{ t.function.arguments }}"), '{"city": "Oslo"}'),
        (
            CALLS.replace(
                "%s",
                "{% set a = t.function.arguments %}{{ a if a is string else a | tojson }}",
            ),
            '{"city": "Oslo"}',
        ),
        (LOOPS.replace("%s", ""), "city=Oslo"),
        # Gemma 4 has a form of its own for objects, and takes text as it is.
        (
            CALLS.replace(
                "%s",
                "{% set a = t.function.arguments %}{% if a is mapping %}{% for k, v in a | items %}"
                "{{ k }}:<{{ v }}>{% endfor %}{% else %}{{ a }}{% endif %}",
            ),
            "city:<Oslo>",
        ),
    ],
)
@pytest.mark.parametrize("arguments", ['{"city": "Oslo"}', {"city": "Oslo"}])
def test_arguments_of_tool_calls(
    byte_level: TextTokenizer, template: str, expected: str, arguments: object
) -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    messages = (Message("user", "Hi"), Message("assistant", tool_calls=calls))

    assert render(byte_level, template, *messages) == expected


def test_fields_that_say_nothing_are_not_there(byte_level: TextTokenizer) -> None:
    template = (
        "{% for m in messages %}{{ m.content }}|{{ m.tool_calls is defined }}"
        "{{ m.name is defined }}{{ m.reasoning_content is defined }}{% endfor %}"
    )
    empty = Message("assistant", tool_calls=[], name="", reasoning_content="")

    assert render(byte_level, template, empty) == "|FalseFalseFalse"


@pytest.mark.parametrize("template", [TEXT, PARTS, EITHER])
def test_the_final_message_is_continued_in_any_form(
    byte_level: TextTokenizer, template: str
) -> None:
    options = {"add_generation_prompt": False, "continue_final_message": True}
    messages = (Message("user", "Hi"), Message("assistant", "Well"))

    text = render(byte_level, template + "<end>", *messages, options=options)

    assert text.endswith("Well")


def test_a_template_that_calls_itself_is_an_error_at_the_start(
    byte_level: TextTokenizer,
) -> None:
    with pytest.raises(ModelSourceError, match="calls itself without end"):
        check_template(byte_level.delegate, ENDLESS)


def test_a_conversation_that_makes_a_template_call_itself_is_refused(
    byte_level: TextTokenizer,
) -> None:
    deep = "{% macro f(n) %}{% if n %}{{ f(n) }}{% endif %}{% endmacro %}{{ f(again) }}"
    with pytest.raises(InputError, match="chat template does not accept"):
        render(byte_level, deep, Message("user", "Hi"), options={"again": 1})


def test_a_template_that_cannot_be_read(byte_level: TextTokenizer) -> None:
    with pytest.raises(TemplateSyntaxError):
        forms_of("{% for %}")
