"""The client, against a server that does what it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from max.benchmark.client.client import Client, Server
from max.benchmark.client.events import read_answer
from max.benchmark.client.exchange import Exchange
from tests.benchmark.scripted_sse import Reply, ScriptedServer, always, completion, scripted

COMPLETE = Reply(completion("Hel", "lo"))
PATH = "/v1/completions"


def post(server: ScriptedServer, count: int = 1, **settings: Any) -> list[Exchange]:
    """Sends requests one after the other."""

    async def run() -> list[Exchange]:
        client = Client(Server.parse(server.url), **settings)
        try:
            return [await client.post(PATH, b'{"n": %d}' % i) for i in range(count)]
        finally:
            client.close()

    return uvloop.run(run())


def in_turn(*replies: Reply) -> Callable[[dict[str, Any]], Reply]:
    """A script: the replies one after the other."""
    rest = iter(replies)
    return lambda body: next(rest)


def assert_failed(exchange: Exchange, kind: str, message: str = "") -> None:
    failure = read_answer(exchange).failure
    assert failure is not None
    assert failure.kind == kind
    assert message in failure.message


def test_an_answer_comes_in_pieces() -> None:
    with scripted(always(COMPLETE)) as server:
        (exchange,) = post(server)
    assert exchange.failure is None
    assert exchange.status == 200
    assert exchange.body() == b"".join(COMPLETE.parts)
    assert exchange.piece_times == sorted(exchange.piece_times)
    assert exchange.sent <= exchange.piece_times[0]
    assert exchange.piece_times[-1] <= exchange.ended
    assert server.bodies == [{"n": 0}]


def test_connections_are_kept() -> None:
    with scripted(always(COMPLETE)) as server:
        exchanges = post(server, 3)
        assert server.connections == 1
    assert [exchange.body() for exchange in exchanges] == [b"".join(COMPLETE.parts)] * 3


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    script = in_turn(COMPLETE, Reply(ending="silent"), COMPLETE)
    with scripted(script) as server:
        first, second = post(server, 2)
        assert server.connections == 2
    assert first.failure is None
    assert second.failure is None
    assert second.body() == b"".join(COMPLETE.parts)


def test_headers_are_sent() -> None:
    with scripted(always(COMPLETE)) as server:
        post(server, headers={"Authorization": "Bearer secret"})
        assert "Authorization: Bearer secret\r\n" in server.heads[0]
        assert server.heads[0].startswith("POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:")


def test_429() -> None:
    with scripted(always(Reply([b'{"error": {"message": "full"}}'], status=429))) as server:
        (exchange,) = post(server)
    assert_failed(exchange, "HTTP 429", "full")


def test_a_stream_that_is_cut() -> None:
    reply = Reply(completion("Hel", "lo")[:1], ending="cut")
    with scripted(always(reply)) as server:
        (exchange,) = post(server)
    assert_failed(exchange, "disconnected", "closed the connection")
    assert read_answer(exchange).text == "Hel"


def test_a_body_that_ends_with_its_connection() -> None:
    reply = Reply(completion("Hel", "lo"), ending="unframed")
    with scripted(always(reply)) as server:
        (exchange,) = post(server)
    assert exchange.failure is None
    assert read_answer(exchange).text == "Hello"


def test_a_server_that_says_nothing() -> None:
    with scripted(always(Reply(ending="silent"))) as server:
        (exchange,) = post(server)
    assert_failed(exchange, "disconnected")


def test_a_slow_server_runs_into_the_timeout() -> None:
    reply = Reply(completion("Hel")[:1], ending="hang")
    with scripted(always(reply)) as server:
        (exchange,) = post(server, timeout_s=0.1)
        assert server.client_left.wait(10), "the connection was not closed"
    assert_failed(exchange, "timeout", "0.1 s (--request-timeout)")
    assert exchange.ended > exchange.sent


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        server = ScriptedServer(always(COMPLETE), f"http://127.0.0.1:{taken.getsockname()[1]}")
        (exchange,) = post(server)
    assert_failed(exchange, "connection")


def test_something_else_than_http() -> None:
    with scripted(always(Reply(ending="garbage"))) as server:
        (exchange,) = post(server)
    assert_failed(exchange, "disconnected", "not HTTP")


def test_a_request_that_is_cancelled_leaves_its_connection() -> None:
    async def run(server: ScriptedServer) -> Client:
        client = Client(Server.parse(server.url))
        task = asyncio.create_task(client.post(PATH, b"{}"))
        await asyncio.to_thread(server.hanging.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return client

    with scripted(always(Reply(completion("a")[:1], ending="hang"))) as server:
        client = asyncio.run(run(server))
        assert server.client_left.wait(10)
    assert client.in_flight == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://127.0.0.1:8000", Server("127.0.0.1", 8000)),
        ("127.0.0.1:8000/", Server("127.0.0.1", 8000)),
        ("http://localhost:1/v1/", Server("localhost", 1)),
        ("https://api.example.com/openai/v1", Server("api.example.com", 443, "/openai", True)),
        ("http://[::1]:9", Server("::1", 9)),
    ],
)
def test_addresses(url: str, server: Server) -> None:
    assert Server.parse(url) == server


@pytest.mark.parametrize("url", ["", "ftp://a", "http://"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Server.parse(url)
