"""Tests of the OpenAPI document: it describes the application that gives it, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from max.serve.app import create_app
from max.serve.config import ServerSettings
from max.serve.endpoints import ENDPOINTS
from max.serve.openapi.document import path_of
from max.serve.state import ServerState

METHODS = ("get", "post", "put", "delete", "patch", "head", "options")


def make_document(*, allow_extra_fields: bool = False, **settings: Any) -> dict[str, Any]:
    """What a server with these settings answers to `GET /openapi.json`."""
    state = ServerState(
        settings=ServerSettings.from_env({}, **settings), allow_extra_fields=allow_extra_fields
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get("/openapi.json", headers={"authorization": "Bearer key"})

    response = asyncio.run(ask())
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): item[method]
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def references(value: object) -> set[str]:
    """All `$ref` of a part of the document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_route_is_described_and_nothing_else() -> None:
    state = ServerState(settings=ServerSettings())
    routed = {
        (method, route.path.replace(":path}", "}"))
        for route in create_app(state).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert operations(make_document()).keys() == routed
    # So that a change of what Starlette calls a route does not make this test empty.
    assert len(routed) == len(ENDPOINTS)


def test_references_lead_to_schemas_and_all_schemas_are_referred_to() -> None:
    document = make_document()

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) == schemas


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in operations(make_document()).values()]

    assert len(set(names)) == len(names)
    assert "post_v1_chat_completions" in names


def test_path_parameters_are_declared() -> None:
    operation = operations(make_document())["GET", "/v1/models/{model}"]

    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("model", "path", True)


def test_without_keys_none_is_asked_for() -> None:
    document = make_document()

    assert "securitySchemes" not in document["components"]
    assert not any(
        "security" in op or "401" in op["responses"] for op in operations(document).values()
    )


def test_with_keys_all_but_the_open_paths_ask_for_one() -> None:
    document = make_document(api_key=["key"])

    assert document["components"]["securitySchemes"] == {
        "apiKey": {"type": "http", "scheme": "bearer"}
    }
    is_open = {path_of(endpoint) for endpoint in ENDPOINTS if endpoint.is_open}
    for (_, path), operation in operations(document).items():
        assert ("security" in operation) == (path not in is_open)
        assert ("401" in operation["responses"]) == (path not in is_open)
        assert ("403" in operation["responses"]) == (path == "/reset_prefix_cache")


@pytest.mark.parametrize("allowed", [False, True])
def test_unknown_fields_are_allowed_as_the_server_does(allowed: bool) -> None:
    schemas = make_document(allow_extra_fields=allowed)["components"]["schemas"]

    for name in ("ChatCompletionRequest", "CompletionRequest", "TokenizeChatRequest"):
        assert schemas[name].get("additionalProperties", True) is allowed


def test_interfaces_that_are_off_are_not_described() -> None:
    paths = make_document(api_types=["openai"])["paths"]

    assert "/v1/completions" in paths
    assert "/tokenize" in paths
    assert not paths.keys() & {"/ping", "/invocations"}


def test_unsupported_fields_show_what_is_taken() -> None:
    properties = make_document()["components"]["schemas"]["ChatCompletionRequest"]["properties"]

    assert properties["store"]["enum"] == [None, False]
    assert properties["function_call"]["enum"] == [None, "none", "auto"]


def test_limits_of_the_server_are_told() -> None:
    document = make_document(max_request_values=7)

    assert document["info"]["x-limits"]["max_request_values"] == 7
    assert document["info"]["x-limits"]["max_request_bytes"] == 16 * 2**20
    schemas = document["components"]["schemas"]
    messages = schemas["ChatCompletionRequest"]["properties"]["messages"]
    assert messages["maxItems"] == 8192
