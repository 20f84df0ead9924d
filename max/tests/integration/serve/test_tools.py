"""Tools and reasoning by the official client, from a server of the demo model.

It was trained to call calculators. It was not trained to think: the end of that is enforced.
"""

# build: size = "medium"

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from integration.serve.conftest import SERVE_DEMO
from tests.serve.server_process import ServerProcess, ready

MODEL = "demo"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
ADD: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "minimum": 0, "maximum": 99},
                "b": {"type": "integer", "minimum": 0, "maximum": 99},
            },
            "required": ["a", "b"],
            "additionalProperties": False,
        },
    },
}
CALCULATOR: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "calculator",
        "parameters": {
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"],
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}
# A template of a model that thinks and calls as Qwen's do, and shows it all.
TEMPLATE = (
    "{% for t in tools or [] %}tool {{ t.function.name }}\n{% endfor %}"
    "{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls or [] %}"
    "<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}\n{% endfor %}"
    "assistant: {% if enable_thinking is not false %}<think>{% else %}<think></think>{% endif %}"
)


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with that template."""
    folder: Path = tmp_path_factory.mktemp("thinking")
    (folder / "template.jinja").write_text(TEMPLATE, encoding="utf-8")
    options = ["--chat-template", str(folder / "template.jinja"), "--enable-structured-output"]
    with ready([*SERVE_DEMO, *options], folder) as server:
        yield server


@pytest.fixture(scope="module")
def thinker(thinking: ServerProcess) -> Iterator[openai.OpenAI]:
    url = f"{thinking.url}/v1"
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, **fields: Any) -> Any:
    given: dict[str, Any] = {"temperature": 1.0, "seed": 1, "max_tokens": 300} | fields
    messages = given.pop("messages", [{"role": "user", "content": QUESTION}])
    return client.chat.completions.create(model=MODEL, messages=messages, **given)


def assert_adds(call: Any) -> None:
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert call.function.name == "add"
    assert json.loads(call.function.arguments).keys() == {"a", "b"}


def test_a_required_call_is_made(client: openai.OpenAI) -> None:
    (choice,) = ask(client, tools=[ADD], tool_choice="required", parallel_tool_calls=False).choices

    (call,) = choice.message.tool_calls
    assert_adds(call)
    assert choice.message.content is None
    assert choice.finish_reason == "tool_calls"


def test_a_named_call_is_made(client: openai.OpenAI) -> None:
    """OpenAI's finish reason is "stop" then: the model had no say."""
    named = {"type": "function", "function": {"name": "add"}}
    (choice,) = ask(client, tools=[CLOCK, ADD], tool_choice=named).choices

    (call,) = choice.message.tool_calls
    assert_adds(call)
    assert choice.finish_reason == "stop"


def test_streamed_calls_are_the_same(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"tools": [ADD, CLOCK], "tool_choice": "required", "n": 2}
    whole = ask(client, **fields)

    calls: dict[tuple[int, int], Any] = {}
    reasons: dict[int, Any] = {}
    for chunk in ask(client, **fields, stream=True):
        for choice in chunk.choices:
            reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
            for delta in choice.delta.tool_calls or ():
                key = (choice.index, delta.index)
                if key not in calls:
                    assert delta.id
                    assert delta.function.name
                    calls[key] = [delta.function.name, ""]
                else:
                    assert delta.id is None
                    assert delta.function.name is None
                calls[key][1] += delta.function.arguments or ""
    for choice in whole.choices:
        made = [[c.function.name, c.function.arguments] for c in choice.message.tool_calls]
        assert [calls[choice.index, number] for number in range(len(made))] == made
        assert reasons[choice.index] == choice.finish_reason


def test_tools_that_may_not_be_used_change_nothing(client: openai.OpenAI) -> None:
    with_tools = ask(client, tools=[ADD], tool_choice="none", temperature=0)

    assert with_tools.choices[0].message == ask(client, temperature=0).choices[0].message


def test_a_model_that_calls_nothing_answers(client: openai.OpenAI) -> None:
    (choice,) = ask(client, tools=[CLOCK], temperature=0).choices

    assert choice.message.tool_calls is None
    assert choice.message.content.endswith("#### 8")
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_calculator_is_called_and_its_result_is_the_answer(
    client: openai.OpenAI, is_streamed: bool
) -> None:
    """By the model's own decision, greedily; nothing but the call is enforced."""
    asked = {"role": "user", "content": "What is 4711 * 23?"}
    fields: dict[str, Any] = {"tools": [CALCULATOR, CLOCK], "temperature": 0}
    message = ask(client, messages=[asked], **fields).choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "calculator"
    assert json.loads(call.function.arguments) == {"expression": "4711 * 23"}
    assert message.content is None
    if is_streamed:
        deltas = [
            chunk.choices[0].delta
            for chunk in ask(client, messages=[asked], stream=True, **fields)
            if chunk.choices
        ]
        pieces = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
        arguments = "".join(piece.function.arguments or "" for piece in pieces)
        assert arguments == call.function.arguments
        assert not "".join(delta.content or "" for delta in deltas)

    result = {"role": "tool", "tool_call_id": call.id, "content": "108353"}
    history = [asked, message.model_dump(exclude_none=True), result]
    answer = ask(client, messages=history, **fields).choices[0]
    assert answer.message.content == "The answer is 108353.\n#### 108353"
    assert answer.finish_reason == "stop"


def test_functions_for_single_operations_are_called_too(client: openai.OpenAI) -> None:
    (choice,) = ask(client, tools=[ADD, CLOCK], temperature=0).choices

    (call,) = choice.message.tool_calls
    assert_adds(call)
    assert choice.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        ({"tool_choice": "required"}, "tool_choice", "no 'tools'"),
        (
            {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
            "not among the tools: add",
        ),
        ({"tools": [ADD, ADD]}, "tools", "same name"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
            "pattern",
        ),
        ({"tools": [ADD], "tool_choice": "sometimes"}, "tool_choice", "sometimes"),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "f", "parameters": {"not": {}}}}
                ],
                "tool_choice": "required",
            },
            "tools",
            '["not"]',
        ),
    ],
)
def test_what_cannot_be_done_is_told(
    server: ServerProcess, fields: dict[str, Any], param: str, told: str
) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], **fields}
    response = server.client.post("/v1/chat/completions", json=body)

    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"].startswith(param)
    assert told in response.json()["error"]["message"]


def test_tools_and_calls_are_in_the_prompt(thinking: ServerProcess) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "content": "1?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "c"},
    ]
    body = {"model": MODEL, "messages": messages, "tools": [ADD]}
    rendered = thinking.client.post("/v1/chat/completions/render", json=body).json()["prompt"]

    assert rendered.startswith("tool add\nuser: 1?assistant: <tool_call>")
    assert rendered.endswith("</tool_call>tool: 3assistant: <think>")


def test_thoughts_are_told_from_the_answer(thinker: openai.OpenAI) -> None:
    """After ten tokens they end, as the request's budget has it."""
    completion = ask(thinker, extra_body={"thinking_token_budget": 10}, max_tokens=40)
    message = completion.choices[0].message

    assert message.reasoning
    assert message.reasoning == message.reasoning_content
    assert "</think>" not in message.reasoning + (message.content or "")
    details = completion.usage.completion_tokens_details
    # The tokens of the closing tag are the demo's letters: it has no token for it.
    assert 10 < details.reasoning_tokens < 25


def test_streamed_thoughts_are_the_same(thinker: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"extra_body": {"thinking_token_budget": 10}, "max_tokens": 40}
    message = ask(thinker, **fields).choices[0].message

    chunks = [chunk.choices[0].delta for chunk in ask(thinker, **fields, stream=True)]
    thought = "".join(getattr(delta, "reasoning", None) or "" for delta in chunks)
    assert thought == message.reasoning
    assert "".join(delta.content or "" for delta in chunks) == (message.content or "")


def test_without_thinking_all_is_content(thinker: openai.OpenAI) -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    completion = ask(thinker, extra_body=extra, max_tokens=20)

    assert completion.choices[0].message.content
    assert not hasattr(completion.choices[0].message, "reasoning")
    assert completion.usage.completion_tokens_details.reasoning_tokens == 0


def test_unclosed_thoughts_leave_no_content(thinker: openai.OpenAI) -> None:
    (choice,) = ask(thinker, max_tokens=5).choices

    assert choice.message.content is None
    assert choice.message.reasoning
    assert choice.finish_reason == "length"


@pytest.mark.parametrize("fields", [{"tool_choice": "required"}, {}])
def test_thoughts_come_before_calls_and_forms(
    thinker: openai.OpenAI, fields: dict[str, Any]
) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"n": {"type": "integer", "maximum": 9, "minimum": 0}},
    }
    schema |= {"required": ["n"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    (choice,) = ask(
        thinker,
        tools=[ADD],
        parallel_tool_calls=False,
        response_format=form,
        extra_body={"thinking_token_budget": 8},
        **fields,
    ).choices

    assert choice.message.reasoning
    if fields or choice.message.tool_calls:
        (call,) = choice.message.tool_calls
        assert_adds(call)
        assert choice.finish_reason == "tool_calls"
    else:
        assert json.loads(choice.message.content).keys() == {"n"}
