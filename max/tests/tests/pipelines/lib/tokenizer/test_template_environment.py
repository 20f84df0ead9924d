"""Templates render as transformers renders them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from transformers.utils.chat_template_utils import render_jinja_template

from max.pipelines.lib.tokenizer.template_environment import compile_template

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Wie <geht> es & 'dir' 日本?"},
    {"role": "assistant", "content": "Gut.", "tool_calls": [{"name": "f", "arguments": {"b": 1}}]},
    {"role": "user", "content": "Ok"},
]
LOOK = {"name": "look", "parameters": {"z": 1, "a": []}}
TOOLS: list[Any] = [{"type": "function", "function": LOOK}]
LOOP = "{% for m in messages %}\n    {{ m.role }}\n  {% endfor %}\n"
TEMPLATES = {
    "blocks are trimmed": LOOP,
    "json": "{{ messages | tojson }}{{ tools | tojson(indent=2) }}",
    "json in order": "{{ tools | tojson(sort_keys=True, separators=(',', ':')) }}"
    "{{ messages | tojson(ensure_ascii=True) }}",
    "namespace": "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
    "{% endfor %}{{ ns.n }}",
    "loop controls": "{% for m in messages %}{% if loop.index == 2 %}{% continue %}{% endif %}"
    "{{ m.content }}{% if loop.last %}{% break %}{% endif %}{% endfor %}",
    "generation": "{% set x = 1 %}{% for m in messages %}{% generation %}{% set x = 2 %}"
    "{{ m.content }}{{ loop.index }}{{ x }}{% endgeneration %}{{ x }}{% endfor %}",
    "options": "{{ bos_token }}{{ add_generation_prompt }}{{ enable_thinking is defined }}",
    "dict": "{{ dict(a=1) | tojson }}{{ dict([('b', 2)]).items() | list }}",
    "python's methods": "{{ messages[0].content.split()[0].strip('W').upper() }}{{ [1, 2][::-1] }}",
    "filters": "{{ messages | map(attribute='role') | unique | join(',') }}{{ a | default('b') }}",
    "macro": "{% macro say(m) -%} {{ m.role }} {%- endmacro %}{{ say(messages[0]) }}",
}


def expected(template: str, **options: Any) -> str:
    texts: Any = render_jinja_template([MESSAGES], TOOLS, chat_template=template, **options)[0]
    return str(texts[0])


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_templates(template: str) -> None:
    given = {"add_generation_prompt": True, "bos_token": "<s>"}
    text = compile_template(template).render(
        messages=MESSAGES, tools=TOOLS, documents=None, **given
    )
    assert text == expected(template, **given)


def test_the_date() -> None:
    text = compile_template("{{ strftime_now('%d %b %Y') }}").render()
    assert re.fullmatch(r"\d\d \w+ 20\d\d", text)


def test_refusals() -> None:
    with pytest.raises(TemplateError, match="roles must alternate"):
        compile_template("{{ raise_exception('roles must alternate') }}").render()


@pytest.mark.parametrize(
    "template",
    [
        "{{ namespace(__class__=1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ dict.mro() }}",
        "{{ tojson.__globals__ }}",
    ],
)
def test_nothing_leads_out_of_the_sandbox(template: str) -> None:
    with pytest.raises((SecurityError, TemplateError)):
        compile_template(template).render(messages=[])


def test_syntax_errors_have_their_line() -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_template("{{ 1 }}\n{% if %}")
    assert caught.value.lineno == 2


def test_a_template_is_compiled_once() -> None:
    assert compile_template(LOOP) is compile_template(LOOP)
