"""Tests of API keys, and of CORS in front of them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from max.serve.app import create_app
from max.serve.clients import Client
from max.serve.config import ServerSettings
from max.serve.middleware.identity import Identity, neighbourhood
from max.serve.state import ServerState
from max.serve.telemetry.request_record import RequestRecord, enter_request

KEYS = ["first-key", "second-key"]
ORIGIN = "https://example.com"


def answer(
    method: str = "GET", path: str = "/v1/models", *, settings: Any = None, **headers: str
) -> httpx.Response:
    """What a server with two keys answers while it is loading: 503 is what the route says."""
    settings = settings or {"api_key": KEYS}
    state = ServerState(settings=ServerSettings.from_env({}, **settings), phase="loading")
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, headers=named)

    return asyncio.run(ask())


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_each_key_opens(key: str, scheme: str) -> None:
    assert answer(authorization=f"{scheme} {key}").status_code == 503


@pytest.mark.parametrize(
    "authorization",
    ["Bearer wrong", "Bearer first-ke", "Bearer", "Bearer ", "first-key", "Basic first-key", ""],
)
def test_other_credentials_do_not(authorization: str) -> None:
    response = answer(authorization=authorization)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert "first-key" not in response.text
    assert "wrong" not in response.text


def test_missing_header_is_told() -> None:
    response = answer()

    assert response.status_code == 401
    assert "is missing" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/chat/completions/render"),
        ("POST", "/tokenize"),
        ("POST", "/detokenize"),
        ("POST", "/invocations"),
        ("POST", "/reset_prefix_cache"),
        ("GET", "/openapi.json"),
        ("GET", "/unknown"),
        ("GET", "//health"),
    ],
)
def test_everything_else_is_closed(method: str, path: str) -> None:
    assert answer(method, path).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/v1/health", "/ping", "/version"])
def test_health_and_version_are_open(path: str) -> None:
    assert answer(path=path).status_code in (200, 503)


def test_without_keys_nothing_is_asked_for() -> None:
    assert answer(settings={"port": 0}).status_code == 503


def test_pages_of_other_origins_may_not_read_answers_by_default() -> None:
    headers = answer(origin=ORIGIN, authorization="Bearer first-key").headers

    assert not [name for name in headers if name.startswith("access-control")]


def test_pages_of_allowed_origins_may() -> None:
    settings = {"api_key": KEYS, "allowed_origins": [ORIGIN]}

    preflight = answer(
        "OPTIONS",
        settings=settings,
        origin=ORIGIN,
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type",
    )
    refused = answer(settings=settings, origin=ORIGIN)
    foreign = answer(settings=settings, origin="https://evil.example")

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in preflight.headers["access-control-allow-methods"]
    # A page can tell why it was refused.
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in foreign.headers


def test_star_allows_all_origins_without_credentials() -> None:
    headers = answer(settings={"allowed_origins": ["*"]}, origin=ORIGIN).headers

    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


def test_what_concerns_everybody_asks_for_a_key_of_an_admin() -> None:
    settings = {"api_key": KEYS, "admin_api_key": ["root"]}
    reset = ("POST", "/reset_prefix_cache")

    refused = answer(*reset, settings=settings, authorization="Bearer first-key")

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "admin_key_needed"
    assert "--admin-api-key" in refused.json()["error"]["message"]
    assert answer(*reset, settings=settings, authorization="Bearer root").status_code == 503
    assert answer(settings=settings, authorization="Bearer root").status_code == 503
    assert answer(*reset, settings={"port": 0}).status_code == 503


def client_of(settings: dict[str, Any], *headers: tuple[bytes, bytes]) -> Client:
    """Whom a request is counted for."""
    record = RequestRecord()

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    async def ask() -> None:
        enter_request(record)
        state = ServerState(settings=ServerSettings.from_env({}, **settings))
        identity = Identity(
            nothing,
            keys=state.keys,
            client_header=state.settings.client_header,
            open_paths=(),
            admin_paths=(),
        )
        scope = {"type": "http", "path": "/", "headers": headers, "client": ("10.0.0.7", 1)}
        await identity(scope, cast("Receive", None), cast("Send", None))

    asyncio.run(ask())
    return record.client


def test_client_is_a_key_or_an_address_or_what_a_proxy_says() -> None:
    key, tenant = (b"authorization", b"Bearer second-key"), (b"x-tenant", b"t" * 1000)

    assert client_of({"api_key": KEYS}, key) == Client("key-2", has_key=True)
    assert client_of({}, tenant) == Client("10.0.0.7")
    assert client_of({"client_header": "X-Tenant"}, tenant) == Client("t" * 100)
    assert client_of({"client_header": "X-Tenant"}) == Client("")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_addresses_that_a_machine_may_have_are_one_client(address: str, counted: str) -> None:
    assert neighbourhood(address) == counted
