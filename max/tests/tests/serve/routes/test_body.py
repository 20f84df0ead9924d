"""Tests of `max.serve.routes.body`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.types import Message

from max.serve.config import ServerSettings
from max.serve.disconnect import ClientDisconnected
from max.serve.errors import ApiError
from max.serve.routes.body import read_body
from max.serve.state import ServerState


def make_request(
    parts: Sequence[bytes | None], limit_of_values: int = 100, **headers: str
) -> Request:
    """A request whose body comes in parts; None is the client going away."""
    waiting = list(parts)

    async def receive() -> Message:
        part = waiting.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    raw = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, value in headers.items()
    ]
    settings = ServerSettings(max_request_bytes=10, max_request_values=limit_of_values)
    app = SimpleNamespace(state=SimpleNamespace(server=ServerState(settings=settings)))
    return Request({"type": "http", "headers": raw, "app": app}, receive)


def read(request: Request) -> bytes:
    return asyncio.run(read_body(request))


def test_parts_are_joined() -> None:
    assert read(make_request([b"01234", b"56789"])) == b"0123456789"


def test_asked_for_again_it_is_the_same() -> None:
    request = make_request([b"abc"])

    assert read(request) == read(request) == b"abc"


@pytest.mark.parametrize("length", ["11", "9" * 30])
def test_announced_length_over_the_limit_is_refused_unread(length: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(make_request([], content_length=length))
    assert caught.value.status == 413


def test_unannounced_length_over_the_limit_is_refused_when_it_is_reached() -> None:
    with pytest.raises(ApiError) as caught:
        read(make_request([b"012345", b"67890"]))
    assert caught.value.status == 413


@pytest.mark.parametrize("length", ["", "x", "-5", "²"])
def test_lengths_that_are_none_do_not_matter(length: str) -> None:
    assert read(make_request([b"abc"], content_length=length)) == b"abc"


def test_client_that_goes_away() -> None:
    with pytest.raises(ClientDisconnected):
        read(make_request([b"abc", None]))


def test_more_values_than_allowed_are_refused() -> None:
    assert read(make_request([b"[1,2,3]"], limit_of_values=30)) == b"[1,2,3]"
    with pytest.raises(ApiError) as caught:
        read(make_request([b"[[],[]]"], limit_of_values=30))
    assert (caught.value.status, caught.value.body.code) == (400, "too_many_values")
    assert "--max-request-values" in caught.value.body.message
