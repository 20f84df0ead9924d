"""Tests of `max.serve.telemetry.middleware`, around the application without a model."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from max.serve.app import create_app
from max.serve.config import ServerSettings
from max.serve.sse import EventStream
from max.serve.state import ServerState
from max.serve.telemetry.middleware import RequestTelemetry
from max.serve.telemetry.request_log import log_request
from max.serve.telemetry.request_metrics import RequestMetrics
from max.serve.telemetry.request_record import RequestRecord


def answer(method: str, path: str, **headers: str) -> tuple[httpx.Response, RequestRecord]:
    """The answer and what is known about the request afterwards."""
    records: list[RequestRecord] = []
    app = RequestTelemetry(create_app(ServerState(settings=ServerSettings())), records.append)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, headers=headers, content=b"{}")

    response = asyncio.run(ask())
    (record,) = records
    return response, record


def test_id_is_returned() -> None:
    response, record = answer("GET", "/health", **{"x-request-id": "abc-1"})

    assert response.headers.get_list("x-request-id") == ["abc-1"]
    assert record.request_id == "abc-1"


def test_unsafe_id_is_replaced_by_a_fresh_one() -> None:
    response, record = answer("GET", "/health", **{"x-request-id": "two words"})

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    assert record.request_id == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "route", "error"),
    [
        ("GET", "/version", 200, "/version", None),
        ("GET", "/v1/models/any/name", 503, "/v1/models/{model:path}", "model_not_ready"),
        ("POST", "/v1/completions", 400, "/v1/completions", "missing_required_parameter"),
        ("GET", "/no/such/path/17", 404, "none", "unknown_url"),
    ],
)
def test_record(method: str, path: str, status: int, route: str, error: str | None) -> None:
    response, record = answer(method, path)

    assert (response.status_code, record.status) == (status, status)
    assert (record.method, record.route, record.error_code) == (method, route, error)
    assert "x-request-id" in response.headers
    assert record.ended is not None
    assert record.ended >= record.arrived


def test_unexpected_errors_have_the_id_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: object) -> ServerState:
        raise RuntimeError("bug")

    monkeypatch.setattr("max.serve.routes.models.state_of", broken)
    response, record = answer("GET", "/v1/models", **{"x-request-id": "abc"})

    assert (response.status_code, response.headers["x-request-id"]) == (500, "abc")
    assert (record.status, record.error_code) == (500, "server_error")


def test_trace_context_is_kept() -> None:
    _, record = answer("GET", "/version", traceparent="00-a-b-01", tracestate="x=1", other="y")

    assert record.trace_headers == {"traceparent": "00-a-b-01", "tracestate": "x=1"}


def test_client_that_leaves_before_its_answer_is_a_499() -> None:
    records: list[RequestRecord] = []
    app = RequestTelemetry(create_app(ServerState(settings=ServerSettings())), records.append)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/completions",
        "headers": [],
        "query_string": b"",
    }
    asyncio.run(app(scope, receive, send))

    (record,) = records
    assert (record.status, sent[0]["status"]) == (499, 499)
    registry = CollectorRegistry()
    RequestMetrics(registry).observe(record)
    labels = {"code": "499", "path": "/v1/completions"}
    assert registry.get_sample_value("maxserve_request_count_total", labels) == 1


def test_client_that_leaves_a_stream_is_a_499_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        await asyncio.Event().wait()
        yield b""

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await EventStream(events(), on_close=lambda: None)(scope, receive, send)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    app = RequestTelemetry(endless, log_request)
    with caplog.at_level(logging.INFO):
        asyncio.run(app({"type": "http", "method": "POST", "headers": []}, receive, send))

    assert vars(caplog.records[-1])["fields"]["status"] == 499
