"""Tests of `GET /ping` and `POST /invocations` against a running server."""

# build: size = "medium"

from __future__ import annotations

import pytest

from tests.serve.scripted_model import GREETING, MODEL_NAME
from tests.serve.server_process import ServerProcess

CHAT = {"model": MODEL_NAME, "messages": [{"role": "user", "content": "greet"}]}


def test_ping_says_that_requests_are_answered(server: ServerProcess) -> None:
    assert server.client.get("/ping").status_code == 200


def test_messages_are_a_chat_completion(server: ServerProcess) -> None:
    answer = server.client.post("/invocations", json=CHAT).json()

    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == GREETING


def test_prompt_is_a_completion(server: ServerProcess) -> None:
    answer = server.client.post("/invocations", json={"model": MODEL_NAME, "prompt": "greet"})

    assert answer.json()["object"] == "text_completion"
    assert answer.json()["choices"][0]["text"] == GREETING


def test_stream_is_streamed(server: ServerProcess) -> None:
    response = server.client.post("/invocations", json={**CHAT, "stream": True})

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("body", [{"model": MODEL_NAME}, [], "x"])
def test_neither_is_told_as_a_completion_without_prompt(
    server: ServerProcess, body: object
) -> None:
    assert server.client.post("/invocations", json=body).status_code == 400
