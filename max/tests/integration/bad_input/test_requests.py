"""Requests that a server of a real model must refuse; it answers good ones afterwards."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serve.server_process import ServerProcess, ready

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
COMPLETION = {"model": "tiny", "prompt": "x", "max_tokens": 2}
CONVERSATION = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
MAX_BYTES = 5000


@pytest.fixture(scope="module")
def server(good_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    command = ["max.entrypoints.pipelines", "serve", "--model", str(good_model)]
    flags = ["--served-model-name", "tiny", "--max-request-bytes", str(MAX_BYTES)]
    with ready([*command, *flags], tmp_path_factory.mktemp("server")) as running:
        yield running
        assert running.client.post(COMPLETIONS, json=COMPLETION).status_code == 200
        assert "Traceback" not in running.output


def error_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """The inner part of OpenAI's envelope."""
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize(
    ("fields", "param", "told"),
    [
        ({"temperature": -1}, "temperature", "got -1"),
        ({"temprature": 1}, "temprature", "--allow-extra-request-fields"),
        ({"n": 0}, "n", "got 0"),
        ({"n": 10**9}, "n", "got 1000000000"),
        ({"stop": ["a"] * 17}, "stop", "at most 16"),
        ({"max_tokens": "2"}, "max_tokens", "valid integer"),
        ({"max_tokens": 512}, "prompt", "maximum context length is 512 tokens"),
        ({"prompt": "x" * 600}, "prompt", "resulted in 601 tokens"),
        ({"prompt": [259]}, "prompt", "259"),  # the vocabulary has 259 tokens, from 0
        ({"prompt": [10**30]}, "prompt", "10000000000"),
        ({"logit_bias": {"259": 1}}, "logit_bias", "0 to 258"),
        ({"logit_bias": {"9" * 30: 1}}, "logit_bias", "99999"),
        ({"stop_token_ids": [10**6]}, "stop_token_ids", "1000000"),
        ({"min_tokens": 5}, "min_tokens", "5"),
        ({"seed": 2**70}, "seed", str(2**70)),
    ],
)
def test_completions(server: ServerProcess, fields: dict[str, Any], param: str, told: str) -> None:
    error = error_of(server.client.post(COMPLETIONS, json={**COMPLETION, **fields}), 400)
    assert error["param"] == param
    assert told in error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": "x" * 600}]}, "messages"),
        ({"chat_template_kwargs": {"tokenize": True}}, "chat_template_kwargs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_conversations(server: ServerProcess, fields: dict[str, Any], param: str) -> None:
    error = error_of(server.client.post(CHAT, json={**CONVERSATION, **fields}), 400)
    assert error["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": "tiny", "prompt": "\xff"}',
        b'{"model": "tiny", "prompt": "\\ud800"}',
        b"[" * MAX_BYTES,
    ],
)
def test_bodies(server: ServerProcess, body: bytes) -> None:
    assert error_of(server.client.post(COMPLETIONS, content=body), 400)["param"] is None


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", COMPLETIONS, 405, "method_not_supported"),
        ("DELETE", "/v1/models", 405, "method_not_supported"),
        ("POST", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/models/other", 404, "model_not_found"),
    ],
)
def test_urls(server: ServerProcess, method: str, path: str, status: int, code: str) -> None:
    assert error_of(server.client.request(method, path), status)["code"] == code


def test_large_body(server: ServerProcess) -> None:
    response = server.client.post(COMPLETIONS, json={**COMPLETION, "prompt": "x" * MAX_BYTES})
    assert f"{MAX_BYTES} bytes" in error_of(response, 413)["message"]
    assert "--max-request-bytes" in error_of(response, 413)["message"]
