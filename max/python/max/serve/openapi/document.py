"""Builds the OpenAPI document from the endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from max.serve.errors import HEADERS_OF_STATUS, ErrorEnvelope
from max.serve.openapi.endpoint import Endpoint
from max.serve.openapi.schemas import component_schemas, reference_to
from max.serve.schemas.server import OpenApiDocument

_SECURITY_SCHEME = "apiKey"
_EVENTS = (
    "Server-sent events when the request has `stream: true`: each is `data:` and a JSON object of"
    " `x-event-schema`, an error's envelope if it fails midway. The last one of chat completions"
    " and completions is `data: [DONE]`; events of other endpoints are called by their types."
)


def build_document(
    endpoints: Sequence[Endpoint],
    *,
    version: str,
    needs_key: bool,
    allow_extra_fields: bool,
    limits: Mapping[str, int],
) -> OpenApiDocument:
    """Describes a server.

    Args:
        endpoints: What it offers.
        version: Of the server.
        needs_key: Whether it has API keys.
        allow_extra_fields: Whether it ignores unknown fields of requests.
        limits: What bounds whole requests and answers, by the names of their flags.
    """
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, needs_key=needs_key and not endpoint.is_open)
        paths.setdefault(path_of(endpoint), {})[endpoint.method.lower()] = operation
    components: dict[str, Any] = {
        "schemas": component_schemas(
            requests=[model for endpoint in endpoints for model in endpoint.requests],
            answers=[
                ErrorEnvelope,
                *(struct for e in endpoints for struct in (*e.answers, *e.events)),
            ],
            allow_extra_fields=allow_extra_fields,
        )
    }
    if needs_key:
        components["securitySchemes"] = {_SECURITY_SCHEME: {"type": "http", "scheme": "bearer"}}
    return OpenApiDocument(
        openapi="3.1.0",
        info={"title": "MAX", "version": version, "x-limits": dict(limits)},
        paths=paths,
        components=components,
    )


def path_of(endpoint: Endpoint) -> str:
    """The endpoint's path as OpenAPI writes it."""
    return re.sub(r"{(\w+):path}", r"{\1}", endpoint.path)


def _operation(endpoint: Endpoint, *, needs_key: bool) -> dict[str, Any]:
    refusals = {401, 403} if endpoint.is_for_admins else {401}
    errors = endpoint.errors | (refusals if needs_key else set())
    path = path_of(endpoint)
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": endpoint.method.lower() + re.sub(r"[^a-z0-9]+", "_", path).rstrip("_"),
        "responses": {
            **{str(status): _answer(endpoint, status) for status in endpoint.statuses},
            **{str(status): _error(status) for status in sorted(errors)},
        },
    }
    if names := re.findall(r"{(\w+)}", path):
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    if endpoint.requests:
        operation["requestBody"] = {"required": True, "content": _json(endpoint.requests)}
    if needs_key:
        operation["security"] = [{_SECURITY_SCHEME: []}]
    return operation


def _answer(endpoint: Endpoint, status: int) -> dict[str, Any]:
    content = _json(endpoint.answers)
    if endpoint.events:
        content["text/event-stream"] = {
            "schema": {"description": _EVENTS},
            "x-event-schema": _one_of(endpoint.events),
        }
    return {"description": HTTPStatus(status).phrase, "content": content}


def _error(status: int) -> dict[str, Any]:
    error: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": _json((ErrorEnvelope,)),
    }
    if names := HEADERS_OF_STATUS.get(status):
        error["headers"] = {
            name: {"required": True, "schema": {"type": "string"}} for name in names
        }
    return error


def _json(types: Sequence[type]) -> dict[str, Any]:
    return {"application/json": {"schema": _one_of(types)}}


def _one_of(types: Sequence[type]) -> dict[str, Any]:
    references = [{"$ref": reference_to(type_)} for type_ in types]
    return references[0] if len(references) == 1 else {"anyOf": references}
