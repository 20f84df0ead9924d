"""Tests of `max.serve.app`, without a model."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import httpx
import pytest

from max.serve.app import create_app
from max.serve.config import ServerSettings
from max.serve.engine_client import EngineClient
from max.serve.model_source import ServingTokenizer
from max.serve.state import ModelService, ServerState

CONVERSATION = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'


def make_state(settings: ServerSettings | None = None) -> ServerState:
    settings = settings or ServerSettings(max_request_bytes=100)
    return ServerState(settings=settings, phase="loading the model")


def answer(
    method: str,
    path: str,
    *,
    content: bytes = b"",
    settings: ServerSettings | None = None,
    **headers: str,
) -> httpx.Response:
    """What the application answers while the model is loading."""

    async def ask() -> httpx.Response:
        app = create_app(make_state(settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, path, content=content, headers=headers)

    return asyncio.run(ask())


def test_health_tells_the_phase_while_loading() -> None:
    response = answer("GET", "/health")

    assert response.status_code == 503
    assert response.json()["phase"] == "loading the model"


def health_of(state: ServerState) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get("/health")

    return asyncio.run(ask())


def make_ready_state() -> ServerState:
    state = make_state()
    state.phase = "ready"
    state.service = ModelService(
        name="m",
        created=0,
        tokenizer=cast(ServingTokenizer, None),
        engine=EngineClient(),
        max_model_len=8,
    )
    return state


def test_health_tells_how_the_start_went() -> None:
    state = make_ready_state()
    state.timeline.enter("read", now=1)
    state.timeline.finish(now=3.5)

    response = health_of(state)

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "phase": "ready",
        "reason": None,
        "restarts": 0,
        "startup": {"read": 2.5},
    }


def test_server_that_drains_is_not_healthy() -> None:
    state = make_ready_state()
    state.is_draining = True

    response = health_of(state)

    assert response.status_code == 503
    assert response.json()["phase"] == "draining"


@pytest.mark.parametrize(("restarts", "status"), [(2, 200), (3, 503)])
def test_health_after_restarts(restarts: int, status: int) -> None:
    state = make_ready_state()
    for _ in range(restarts):
        state.restarts.add(time.monotonic(), "it was killed")

    response = health_of(state)

    assert response.status_code == status
    assert response.json()["restarts"] == restarts
    assert ("it was killed" in str(response.json()["reason"])) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/v1/chat/completions", CONVERSATION),
        ("POST", "/v1/completions", b'{"model":"m","prompt":"x"}'),
        ("POST", "/v1/chat/completions/render", CONVERSATION),
        ("POST", "/invocations", b'{"model":"m","prompt":"x"}'),
        ("POST", "/tokenize", b'{"prompt":"x"}'),
        ("POST", "/detokenize", b'{"tokens":[1]}'),
        ("POST", "/reset_prefix_cache", b""),
        ("GET", "/v1/models", b""),
        ("GET", "/v1/models/m", b""),
    ],
)
def test_requests_are_told_to_come_again_while_loading(
    method: str, path: str, content: bytes
) -> None:
    response = answer(method, path, content=content)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "model_not_ready"
    assert "loading the model" in response.json()["error"]["message"]
    assert response.headers["retry-after"] == "1"


def test_version_is_known_while_loading() -> None:
    assert answer("GET", "/version").json()["version"]


def test_unknown_url_has_the_envelope() -> None:
    response = answer("GET", "/v1/nonsense")

    assert response.status_code == 404
    assert response.json()["error"] == {
        "message": "Unknown request URL: GET /v1/nonsense. Please check the URL for typos",
        "type": "invalid_request_error",
        "param": None,
        "code": "unknown_url",
    }


def test_wrong_method_has_the_envelope() -> None:
    response = answer("GET", "/v1/chat/completions")

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["error"]["code"] == "method_not_supported"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/completions",
        "/v1/chat/completions",
        "/v1/chat/completions/render",
        "/tokenize",
        "/detokenize",
        "/invocations",
    ],
)
def test_body_over_the_limit_is_refused(path: str) -> None:
    response = answer("POST", path, content=b"x" * 101)

    assert response.status_code == 413
    error = response.json()["error"]
    assert error["code"] == "request_too_large"
    assert "100 bytes" in error["message"]
    assert "--max-request-bytes" in error["message"]


def test_unannounced_body_over_the_limit_is_refused() -> None:
    async def parts() -> object:
        yield b"x" * 60
        yield b"x" * 60

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(make_state()))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.post("/v1/completions", content=parts())  # type: ignore[arg-type]

    assert asyncio.run(ask()).status_code == 413


def test_answers_are_dated() -> None:
    assert answer("GET", "/health").headers["date"].endswith("GMT")


def test_unexpected_errors_have_the_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: object) -> ServerState:
        raise RuntimeError("bug")

    monkeypatch.setattr("max.serve.routes.models.state_of", broken)

    response = answer("GET", "/v1/models")

    assert response.status_code == 500
    error = response.json()["error"]
    assert error["type"] == "server_error"
    assert "bug" not in error["message"]


@pytest.mark.parametrize(
    ("path", "allowed"), [("/health", {"GET", "HEAD"}), ("/v1/completions", {"POST"})]
)
def test_options_tell_the_methods(path: str, allowed: set[str]) -> None:
    response = answer("OPTIONS", path)

    assert (response.status_code, response.content) == (204, b"")
    assert set(response.headers["allow"].split(", ")) == allowed


def test_head_is_get_without_a_body() -> None:
    response = answer("HEAD", "/version")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(answer("GET", "/version").content))


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models/"), ("POST", "/v1/completions/"), ("POST", "/tokenize/")],
)
def test_one_slash_at_the_end_does_not_matter(method: str, path: str) -> None:
    assert answer(method, path).content == answer(method, path[:-1]).content
    assert answer(method, path).status_code != 404


@pytest.mark.parametrize("path", ["/", "//"])
def test_a_slash_alone_is_unknown(path: str) -> None:
    assert answer("GET", path).status_code == 404


def test_host_that_is_none_does_not_matter() -> None:
    assert answer("GET", "/v1/nonsense", host="[::").status_code == 404


def test_interfaces_that_are_off_are_unknown() -> None:
    settings = ServerSettings(api_types=["openai"])

    assert answer("GET", "/ping", settings=settings).status_code == 404
    assert answer("GET", "/health", settings=settings).status_code == 503


@pytest.mark.parametrize(
    ("given", "key", "status"),
    [
        ({}, None, 404),
        ({"metrics_on_main_port": True}, None, 200),
        ({"metrics_on_main_port": True, "metric_level": "NONE"}, None, 404),
        ({"metrics_on_main_port": True, "api_key": ["u"]}, None, 401),
        ({"metrics_on_main_port": True, "api_key": ["u"]}, "u", 200),
        ({"metrics_on_main_port": True, "api_key": ["u"], "admin_api_key": ["a"]}, "u", 403),
        ({"metrics_on_main_port": True, "api_key": ["u"], "open_metrics": True}, None, 200),
    ],
)
def test_metrics_are_on_this_port_when_asked_for(
    given: dict[str, object], key: str | None, status: int
) -> None:
    headers: dict[str, Any] = {} if key is None else {"authorization": f"Bearer {key}"}
    response = answer("GET", "/metrics", settings=ServerSettings.model_validate(given), **headers)

    assert response.status_code == status
    assert ("maxserve_num_requests_running 0.0" in response.text) == (status == 200)
