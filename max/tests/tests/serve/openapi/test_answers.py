"""What a running server answers is what its OpenAPI document says."""

# build: size = "medium"

from __future__ import annotations

import json
from typing import Any, NamedTuple

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.serve.scripted_model import MODEL_NAME
from tests.serve.server_process import ServerProcess

CHAT = {"model": MODEL_NAME, "messages": [{"role": "user", "content": "greet"}]}
COMPLETION = {"model": MODEL_NAME, "prompt": "greet"}


class Example(NamedTuple):
    """A request, and the status that it gets."""

    method: str
    path: str
    status: int = 200
    body: object = None
    url: str | None = None


EXAMPLES = [
    Example("POST", "/v1/chat/completions", body=CHAT),
    Example("POST", "/v1/chat/completions", body={**CHAT, "n": 2, "stream": True}),
    Example("POST", "/v1/chat/completions", 400, {**CHAT, "temperature": 3}),
    Example("POST", "/v1/chat/completions", 404, {**CHAT, "model": "other"}),
    Example("POST", "/v1/chat/completions", 413, {**CHAT, "user": "x" * 1_000_001}),
    Example("POST", "/v1/completions", body={**COMPLETION, "n": 2}),
    Example(
        "POST",
        "/v1/completions",
        body={**COMPLETION, "stream": True, "stream_options": {"include_usage": True}},
    ),
    Example("POST", "/v1/completions", 400, {"model": MODEL_NAME}),
    Example("POST", "/v1/completions", 500, {**COMPLETION, "prompt": "raise"}),
    Example("POST", "/v1/embeddings", 400, {"model": MODEL_NAME, "input": "greet"}),
    Example("POST", "/v1/chat/completions/render", body=CHAT),
    Example("POST", "/v1/chat/completions/render", 400, {**CHAT, "messages": []}),
    Example("POST", "/v1/responses", body={"model": MODEL_NAME, "input": "greet"}),
    Example("POST", "/v1/responses", 400, {"model": MODEL_NAME, "input": []}),
    Example("POST", "/v1/messages", body={**CHAT, "max_tokens": 99, "system": "Hi"}),
    Example("POST", "/v1/messages", 400, CHAT),
    Example("POST", "/v1/messages/count_tokens", body=CHAT),
    Example("GET", "/v1/models"),
    Example("GET", "/v1/models/{model}", url=f"/v1/models/{MODEL_NAME}"),
    Example("GET", "/v1/models/{model}", 404, url="/v1/models/other"),
    Example("POST", "/v1/load_lora_adapter", 501, {"lora_name": "a", "lora_path": "b"}),
    Example("POST", "/v1/load_lora_adapter", 400, {"lora_name": "a"}),
    Example("POST", "/v1/unload_lora_adapter", 501, {"lora_name": "a"}),
    Example("POST", "/tokenize", body={"prompt": "Grüße", "return_token_strs": True}),
    Example("POST", "/tokenize", body={"messages": CHAT["messages"]}),
    Example("POST", "/tokenize", 400, {"prompt": 5}),
    Example("POST", "/detokenize", body={"tokens": [39, 72]}),
    Example("POST", "/detokenize", 400, {"tokens": [10**6]}),
    Example("POST", "/reset_prefix_cache"),
    Example("POST", "/invocations", body=CHAT),
    Example("POST", "/invocations", body=COMPLETION),
    Example("POST", "/invocations", 400, {}),
    Example("GET", "/ping"),
    Example("GET", "/health"),
    Example("GET", "/v1/health"),
    Example("GET", "/version"),
    Example("GET", "/openapi.json"),
]


@pytest.fixture(scope="module")
def document(server: ServerProcess) -> dict[str, Any]:
    """The server's own description, whose answers may have no field that it does not mention."""
    document: dict[str, Any] = server.client.get("/openapi.json").json()
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document


def ask(server: ServerProcess, example: Example) -> httpx.Response:
    return server.client.request(example.method, example.url or example.path, json=example.body)


def assert_valid(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.method} {e.path} {e.status}")
def test_answer_is_as_described(
    server: ServerProcess, document: dict[str, Any], example: Example
) -> None:
    response = ask(server, example)

    assert response.status_code == example.status, response.text
    operation = document["paths"][example.path][example.method.lower()]
    described = operation["responses"][str(example.status)]
    media_type = response.headers["content-type"].partition(";")[0]
    content = described["content"][media_type]
    if media_type == "text/event-stream":
        *events, done = [line for line in response.text.split("\n") if line]
        assert done == "data: [DONE]"
        for event in events:
            data = json.loads(event.removeprefix("data: "))
            assert_valid(document, content["x-event-schema"], data)
    else:
        assert_valid(document, content["schema"], response.json())
    for name in described.get("headers", {}):
        assert name in response.headers


def test_every_operation_has_an_example(document: dict[str, Any]) -> None:
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }

    assert {(example.method, example.path) for example in EXAMPLES} == described
