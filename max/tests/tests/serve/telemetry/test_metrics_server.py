"""Tests of `max.serve.telemetry.metrics_server`."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from max.serve.config import ServerSettings
from max.serve.listening import ListenError
from max.serve.state import ServerState
from max.serve.telemetry.metrics import Metrics
from max.serve.telemetry.metrics_server import MetricsServer


def settings(**fields: object) -> ServerSettings:
    return ServerSettings.from_env({}, host="127.0.0.1", **fields)


async def start(given: ServerSettings) -> MetricsServer | None:
    return MetricsServer.start(Metrics().registry, given)


def test_metrics_are_served_until_the_end() -> None:
    async def test() -> None:
        server = await start(settings(metrics_endpoint_port=0))
        assert server is not None
        async with httpx.AsyncClient() as client:
            response = await client.get(server.url)
            elsewhere = await client.get(server.url.removesuffix("metrics"))
        await server.stop()

        assert response.headers["content-type"].startswith("text/plain; version=")
        assert "maxserve_num_requests_running 0.0\n" in response.text
        assert elsewhere.status_code == 404
        port = httpx.URL(server.url).port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0), timeout=5)

    asyncio.run(test())


def test_without_metrics_there_is_no_port() -> None:
    assert asyncio.run(start(settings(metric_level="NONE", metrics_endpoint_port=0))) is None


def test_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(ListenError, match=rf"{port}: .* in use.*--metrics-endpoint-port"):
            asyncio.run(start(settings(metrics_endpoint_port=port)))


def test_default_port_that_is_taken_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def taken(host: str, port: int, *, flag: str) -> socket.socket:
        raise ListenError(f"{port} is in use; see {flag}")

    monkeypatch.setattr("max.serve.telemetry.metrics_server.open_socket", taken)

    assert asyncio.run(start(settings())) is None
    assert "8001 is in use; see --metrics-endpoint-port" in caplog.text


@pytest.mark.parametrize(
    ("given", "key", "status"),
    [
        ({"api_key": ["u"]}, None, 401),
        ({"api_key": ["u"]}, "x", 401),
        ({"api_key": ["u"]}, "u", 200),
        ({"api_key": ["u"], "admin_api_key": ["a"]}, "u", 403),
        ({"api_key": ["u"], "admin_api_key": ["a"]}, "a", 200),
        ({"api_key": ["u"], "open_metrics": True}, None, 200),
    ],
)
def test_metrics_ask_for_a_key_where_there_are_keys(
    given: dict[str, object], key: str | None, status: int
) -> None:
    async def ask() -> int:
        chosen = settings(metrics_endpoint_port=0, **given)
        keys = ServerState(settings=chosen).keys
        server = MetricsServer.start(Metrics().registry, chosen, keys)
        assert server is not None
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient() as client:
            response = await client.get(server.url, headers=headers)
        await server.stop()
        return response.status_code

    assert asyncio.run(ask()) == status
