"""Tests of `max.serve.http_protocol`."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from max.serve.connections import Connections
from max.serve.http_protocol import MAX_HEAD_BYTES, HttpProtocol

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
CLOSE = b"connection: close\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request's own body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


class Wire(asyncio.Transport):
    """The server's side of a connection; it remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def answer_to(*parts: bytes) -> bytes:
    """What a server answers to parts that are read one by one, until it closes the connection."""

    async def ask() -> bytes:
        config = uvicorn.Config(echo, http=HttpProtocol, log_config=None)
        config.load()
        state, wire = ServerState(), Wire()
        protocol = HttpProtocol(config, state, {}, limits=Connections(10, 1 << 30))
        protocol.connection_made(wire)
        for part in parts:
            protocol.data_received(part)
        await asyncio.wait_for(wire.closed.wait(), 20)
        protocol.connection_lost(None)
        await asyncio.gather(*state.tasks)
        return wire.written

    return asyncio.run(ask())


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def test_ordinary_request() -> None:
    answer = answer_to(HEAD + CLOSE + b"content-length: 5\r\n\r\nhello")

    assert (status_of(answer), answer[-5:]) == (200, b"hello")


@pytest.mark.parametrize("upgrade", [b"upgrade: h2c\r\n", b"Upgrade: websocket\r\n"])
def test_offer_to_upgrade_does_not_cost_the_body(upgrade: bytes) -> None:
    offer = b"connection: upgrade, close\r\nhttp2-settings: AAMAAABk\r\n" + upgrade
    answer = answer_to(HEAD + offer + b"content-length: 5\r\n\r\nhello")

    assert (status_of(answer), answer[-5:]) == (200, b"hello")


OFFER = b"connection: upgrade, close\r\nUpgrade: h2c\r\ncontent-length: 5\r\n\r\n"


def test_offer_in_a_later_read_does_not_cost_the_body() -> None:
    answer = answer_to(HEAD, OFFER, b"he", b"llo")

    assert (status_of(answer), answer[-5:]) == (200, b"hello")


@pytest.mark.parametrize("cut", range(1, len(HEAD + OFFER) + 5))
def test_head_with_an_offer_may_be_cut_anywhere(cut: int) -> None:
    request = HEAD + OFFER + b"hello"

    answer = answer_to(request[:cut], request[cut:])

    assert (status_of(answer), answer[-5:]) == (200, b"hello")


def test_offer_of_a_pipelined_request_does_not_cost_the_body() -> None:
    first = HEAD + b"content-length: 5\r\n\r\nfirst"
    offers = HEAD + OFFER.replace(b", close", b"") + b"other"

    answer = answer_to(first + offers + offers + HEAD + OFFER + b"hello")

    bodies = [part[-5:] for part in answer.split(b"HTTP/1.1 200")[1:]]
    assert bodies == [b"first", b"other", b"other", b"hello"]


def test_connect_is_answered_as_any_method() -> None:
    answer = answer_to(b"CONNECT / HTTP/1.1\r\nhost: x\r\n" + CLOSE + b"\r\n")

    assert status_of(answer) == 200


def test_bodies_are_left_as_they_are() -> None:
    body = b"a\r\nupgrade: b"
    answer = answer_to(HEAD + CLOSE + b"content-length: %d\r\n\r\n" % len(body) + body)

    assert answer.endswith(body)


def test_head_without_an_end_is_refused() -> None:
    answer = answer_to(HEAD + b"x: ", b"y" * MAX_HEAD_BYTES, b"y")

    assert status_of(answer) == 431


def test_headers_without_an_end_are_refused() -> None:
    lines = b"".join(b"x%d: y\r\n" % number for number in range(MAX_HEAD_BYTES // 8))
    answer = answer_to(HEAD, lines, lines)

    assert status_of(answer) == 431


def test_trailers_without_an_end_are_refused() -> None:
    chunked = b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    answer = answer_to(HEAD + chunked + b"x: ", b"y" * MAX_HEAD_BYTES, b"yy")

    assert status_of(answer) == 431


def test_large_bodies_are_not_heads() -> None:
    body = b"y" * (3 * MAX_HEAD_BYTES)
    chunk = b"%x\r\n" % len(body) + body + b"\r\n"
    announced = b"content-length: %d\r\n\r\n" % len(body)

    assert status_of(answer_to(HEAD + CLOSE + announced, body)) == 200
    chunked = HEAD + CLOSE + b"transfer-encoding: chunked\r\n\r\n"
    assert status_of(answer_to(chunked, chunk, chunk, b"0\r\n\r\n")) == 200


def test_body_of_a_request_does_not_allow_the_next_one_a_larger_head() -> None:
    body = b"y" * (4 * MAX_HEAD_BYTES)
    first = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    second = HEAD + b"x: "

    answer = answer_to(first, second, b"y" * MAX_HEAD_BYTES, b"y")

    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"HTTP/1.1 431" in answer


def test_requests_one_after_the_other_are_counted_each() -> None:
    header = b"x: " + b"y" * (MAX_HEAD_BYTES // 2) + b"\r\n"
    first, last = HEAD + header, HEAD + header + CLOSE

    answer = answer_to(first, b"\r\n", first, b"\r\n", first, b"\r\n", last, b"\r\n")

    assert answer.count(b"HTTP/1.1 200") == 4


@pytest.mark.parametrize(
    ("limit", "part"),
    [
        ("IDLE", b""),
        ("HEAD", b"GET / HT"),
        ("HEAD", HEAD),
        ("ARRIVAL", HEAD + b"content-length: 5\r\n\r\nhel"),
    ],
)
def test_request_that_does_not_arrive_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, part: bytes
) -> None:
    monkeypatch.setattr(f"max.serve.http_protocol.{limit}_TIMEOUT_S", 0.1)

    assert status_of(answer_to(part)) == 408


def test_answer_may_take_longer_than_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("max.serve.http_protocol.ARRIVAL_TIMEOUT_S", 0.1)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await asyncio.sleep(0.3)
        await PlainTextResponse("late")(scope, receive, send)

    monkeypatch.setattr("tests.serve.test_http_protocol.echo", slow)

    assert answer_to(HEAD + CLOSE + b"content-length: 0\r\n\r\n").endswith(b"late")
