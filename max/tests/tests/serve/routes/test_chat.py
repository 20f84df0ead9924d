"""Tests of `max.serve.routes.chat` against a running server."""

# build: size = "medium"

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.serve.scripted_model import GREETING, MODEL_NAME
from tests.serve.server_process import ServerProcess


def post(server: ServerProcess, text: str, **fields: object) -> httpx.Response:
    body = {"model": MODEL_NAME, "messages": [{"role": "user", "content": text}]} | fields
    return server.client.post("/v1/chat/completions", json=body)


def stream(server: ServerProcess, text: str, **fields: object) -> list[dict[str, Any]]:
    response = post(server, text, stream=True, **fields)
    assert response.status_code == 200, response.text
    *events, done = [line for line in response.text.split("\n") if line]
    assert done == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_answer_has_openais_form(server: ServerProcess) -> None:
    answer = post(server, "greet").json()

    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": GREETING, "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]
    # "user: greet\nassistant: " has 23 bytes.
    assert answer["usage"]["prompt_tokens"] == 23


def test_stream_begins_with_the_role_and_ends_with_the_reason(server: ServerProcess) -> None:
    chunks = stream(server, "greet")

    first, *middle, last = (chunk["choices"][0] for chunk in chunks)
    assert first["delta"] == {"role": "assistant", "content": ""}
    assert last["finish_reason"] == "stop"
    assert all("role" not in choice["delta"] for choice in [*middle, last])
    assert "".join(choice["delta"].get("content", "") for choice in [*middle, last]) == GREETING
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


def test_each_choice_of_a_stream_begins_and_ends(server: ServerProcess) -> None:
    choices = [c for chunk in stream(server, "greet", n=2) for c in chunk["choices"]]

    for index in (0, 1):
        own = [choice for choice in choices if choice["index"] == index]
        assert own[0]["delta"]["role"] == "assistant"
        assert [choice["finish_reason"] for choice in own if choice["finish_reason"]] == ["stop"]


def test_both_names_of_the_token_limit(server: ServerProcess) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        answer = post(server, "forever", **{name: 5}).json()

        assert answer["choices"][0]["message"]["content"] == "again"
        assert answer["choices"][0]["finish_reason"] == "length"


def test_error_before_a_stream_has_its_status(server: ServerProcess) -> None:
    response = post(server, "x", stream=True, tools=[{"type": "function"}])

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "tools[0].function"
