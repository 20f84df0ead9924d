"""`/v1/responses` by the official client, from a server of the demo model."""

# build: size = "medium"

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

MODEL = "demo"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"
ADD: Any = {
    "type": "function",
    "name": "add",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {name: {"type": "integer", "minimum": 0, "maximum": 99} for name in "ab"},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
}


def ask(client: openai.OpenAI, **fields: Any) -> Any:
    given: dict[str, Any] = {"input": QUESTION, "temperature": 0, "max_output_tokens": 200} | fields
    return client.responses.create(model=MODEL, **given)


def test_question_is_answered(client: openai.OpenAI) -> None:
    response = ask(client)

    assert response.output_text.endswith("#### 8")
    assert response.status == "completed"
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_streamed_answer_is_the_same(client: openai.OpenAI) -> None:
    events = list(ask(client, stream=True))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:4]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == ask(client).output_text
    assert [event.type for event in events[-4:]] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[-1].response.output_text == text


def test_the_clients_own_stream_puts_it_together(client: openai.OpenAI) -> None:
    with client.responses.stream(
        model=MODEL,
        input=QUESTION,
        temperature=0,
        tools=[ADD],
        tool_choice="required",
        parallel_tool_calls=False,
    ) as stream:
        final: Any = stream.get_final_response()

    (call,) = final.output
    assert json.loads(call.arguments).keys() == {"a", "b"}


def test_a_conversation_goes_on_from_a_response(client: openai.OpenAI) -> None:
    first = ask(client)
    second = ask(client, input="How many has Ann?", previous_response_id=first.id)
    told = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first.output_text},
        {"role": "user", "content": "How many has Ann?"},
    ]

    assert second.output_text == ask(client, input=told).output_text
    assert second.usage.input_tokens > first.usage.input_tokens


def test_calls_and_their_results_go_on(client: openai.OpenAI) -> None:
    first = ask(client, tools=[ADD], tool_choice="required", parallel_tool_calls=False)
    (call,) = first.output
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "8"}

    after = ask(client, input=[result], previous_response_id=first.id, tools=[ADD])
    told = [{"role": "user", "content": QUESTION}, call.model_dump(), result]
    assert ask(client, input=told, tools=[ADD]).output_text == after.output_text


def test_a_cut_answer_is_incomplete(client: openai.OpenAI) -> None:
    response = ask(client, max_output_tokens=3)

    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"


def test_a_response_that_is_not_kept_is_not_found(client: openai.OpenAI) -> None:
    forgotten = ask(client, store=False)

    with pytest.raises(openai.NotFoundError, match="not found"):
        ask(client, previous_response_id=forgotten.id)


def test_tools_that_each_event_would_repeat_are_bounded(client: openai.OpenAI) -> None:
    def tools(size: int) -> Any:
        return [{**ADD, "name": f"add{number}", "description": "a" * size} for number in range(20)]

    response = ask(client, tools=tools(100_000), tool_choice="none", max_output_tokens=1)
    assert len(response.tools) == 20
    with pytest.raises(openai.BadRequestError, match="at most 2097152") as caught:
        ask(client, tools=tools(110_000), tool_choice="none")
    assert caught.value.param == "tools"
