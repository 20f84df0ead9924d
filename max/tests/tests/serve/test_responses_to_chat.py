"""Requests for responses as chat completions'."""

from __future__ import annotations

from typing import Any

from max.serve.responses_to_chat import input_messages
from max.serve.schemas.responses import ResponsesRequest


def messages_of(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return input_messages(ResponsesRequest.model_validate({"model": "m", "input": list(items)}))


def call(name: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"id-{name}", "name": name, "arguments": "{}"}


def test_calls_in_a_row_are_one_message() -> None:
    thought = {"type": "reasoning", "content": [{"text": "hm"}]}
    answer = {"role": "assistant", "content": "yes"}
    before, message = messages_of(
        {"role": "user", "content": "a"}, thought, answer, call("f"), call("g")
    )
    assert (before["content"], message["content"]) == ("a", "yes")
    assert message["reasoning_content"] == "hm"
    assert [each["function"]["name"] for each in message["tool_calls"]] == ["f", "g"]


def test_many_calls_take_time_for_each() -> None:
    (message,) = messages_of(*[call("f")] * 8000)
    assert len(message["tool_calls"]) == 8000
