"""Tests of `max.serve.sse`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from max.serve.errors import ApiError
from max.serve.schemas.usage import Usage
from max.serve.sse import EventStream, event


async def never_leaves() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def left_already() -> Message:
    return {"type": "http.disconnect"}


def run_stream(
    events: AsyncGenerator[bytes, None],
    sent: list[Message] | None = None,
    *,
    receive: object = never_leaves,
) -> tuple[list[Message], int]:
    """What the stream sent, and how often it said that it is closed."""
    sent = [] if sent is None else sent
    closed: list[bool] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        stream = EventStream(events, on_close=lambda: closed.append(True))
        await stream({"type": "http"}, receive, send)  # type: ignore[arg-type]

    asyncio.run(run())
    return sent, len(closed)


def body_of(sent: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent)


def test_event_is_one_line_of_json() -> None:
    assert event(Usage(1, 2, 3)) == (
        b'data: {"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,'
        b'"prompt_tokens_details":{"cached_tokens":0}}\n\n'
    )


def test_items_are_sent_one_by_one_and_the_stream_ends() -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        yield b"one"
        yield b"two"

    sent, closed = run_stream(events())

    headers = dict(sent[0]["headers"])
    assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert b"content-length" not in headers
    assert [message["body"] for message in sent[1:]] == [b"one", b"two", b""]
    assert [message["more_body"] for message in sent[1:]] == [True, True, False]
    assert closed == 1


def test_error_in_the_middle_becomes_an_event() -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise ApiError(500, "lost", type="server_error")

    sent, closed = run_stream(events())

    _, last, _ = body_of(sent).split(b"\n\n")
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert (error["message"], error["type"]) == ("lost", "server_error")
    assert b"[DONE]" not in body_of(sent)
    assert closed == 1


def test_client_that_left_closes_the_stream() -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        await asyncio.Event().wait()
        yield b""

    sent, closed = run_stream(events(), receive=left_already)

    assert closed == 1
    assert not any(message.get("more_body") is False for message in sent)


@pytest.mark.parametrize("kind", [RuntimeError, BaseException])
def test_unexpected_errors_are_told_and_pass_to_the_server(kind: type[BaseException]) -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise kind("bug")

    sent: list[Message] = []
    with pytest.raises(Exception, match="bug"):
        run_stream(events(), sent)
    *_, last = sent
    assert b'"type":"server_error"' in last["body"]
    assert last["more_body"] is False
