"""Tests of `max.serve.http_protocol`."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from max.serve.connections import Connection, Connections
from max.serve.http_protocol import MAX_HEAD_BYTES, HttpProtocol
from max.serve.leaving import LeavingBytes
from tests.serve import virtual_time

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
CLOSE = b"connection: close\r\n"


PROBE = b"HTTP/1.1 102 Processing\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request's own body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


class Wire(asyncio.Transport):
    """The server's side of a connection; it remembers what was written, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.times: list[float] = []
        self.closed = asyncio.Event()
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)
        self.times.append(asyncio.get_running_loop().time())

    def close(self) -> None:
        self.closed.set()

    def abort(self) -> None:
        self.aborted = True
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def get_write_buffer_size(self) -> int:
        return len(self.written)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Noted(Connections):
    """Limits that remember what they were told of a connection."""

    def __init__(self) -> None:
        self.leaving = LeavingBytes(1000)
        super().__init__(10, 1 << 30, self.leaving)
        self.events: list[str] = []

    def opened(self, connection: Connection) -> None:
        self._note("opened", connection)
        super().opened(connection)

    def closed(self, connection: Connection) -> None:
        self._note("closed", connection)
        super().closed(connection)

    def waits(self, connection: Connection) -> None:
        self._note("waits", connection)
        super().waits(connection)

    def arrived(self, connection: Connection) -> None:
        self._note("arrived", connection)
        super().arrived(connection)

    def received(self, connection: Connection, size: int) -> None:
        self._note(f"received {size}", connection)
        super().received(connection, size)

    def release(self, connection: Connection) -> None:
        self._note("released", connection)
        super().release(connection)

    def _note(self, event: str, connection: Connection) -> None:
        assert isinstance(connection, HttpProtocol)
        self.events.append(event)


class Talk:
    """A connection to a server of an application."""

    def __init__(self, app: ASGIApp = echo) -> None:
        config = uvicorn.Config(app, http=HttpProtocol, log_config=None)
        config.load()
        self.wire, self.limits, self.state = Wire(), Noted(), ServerState()
        self.protocol = HttpProtocol(
            config=config, server_state=self.state, app_state={}, limits=self.limits
        )
        self.protocol.connection_made(self.wire)

    async def end(self) -> None:
        """Waits until the server closes it."""
        await asyncio.wait_for(self.wire.closed.wait(), 5000)
        self.protocol.connection_lost(None)
        await asyncio.gather(*self.state.tasks)


async def talk(*parts: bytes | float, app: ASGIApp = echo, half_close: bool = False) -> Talk:
    """A connection until its end.

    Args:
        parts: What is read, one by one, and seconds that pass between.
        app: What is served.
        half_close: Whether the client says at the end that it sends no more.
    """
    talk = Talk(app)
    for part in parts:
        if isinstance(part, bytes):
            talk.protocol.data_received(part)
        else:
            await asyncio.sleep(part)
    if half_close:
        assert talk.protocol.eof_received()
    await talk.end()
    return talk


def answer_to(*parts: bytes | float, app: ASGIApp = echo) -> bytes:
    """What a server answers to parts that are read one by one, until it closes the connection."""
    return virtual_time.run(talk(*parts, app=app)).wire.written


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


@pytest.mark.parametrize(("chunks", "status"), [(15_000, 200), (17_000, 431)])
def test_sizes_of_chunks_may_be_as_much_as_the_body_and_a_head(chunks: int, status: int) -> None:
    """Five bytes for each of one: 5 * n <= n + 65,536 up to n = 16,384."""
    head = HEAD + CLOSE + b"transfer-encoding: chunked\r\n\r\n"

    answer = answer_to(head, b"1\r\na\r\n" * chunks, b"0\r\n\r\n")

    assert status_of(answer) == status


def test_body_of_a_request_does_not_allow_the_next_one_a_larger_head() -> None:
    body = b"y" * (4 * MAX_HEAD_BYTES)
    first = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    second = HEAD + b"x: "

    answer = answer_to(first, second, b"y" * MAX_HEAD_BYTES, b"y")

    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"HTTP/1.1 431" in answer


def test_requests_one_after_the_other_are_counted_each() -> None:
    header = b"x: " + b"y" * (MAX_HEAD_BYTES // 2) + b"\r\n"

    answer = answer_to(*3 * (HEAD, header, b"\r\n"), HEAD, header, CLOSE + b"\r\n")

    assert answer.count(b"HTTP/1.1 200") == 4


@pytest.mark.parametrize("offers", [b"", OFFER])
@pytest.mark.parametrize(("size", "status"), [(MAX_HEAD_BYTES, 200), (MAX_HEAD_BYTES + 1, 431)])
def test_head_has_its_limit_exactly(offers: bytes, size: int, status: int) -> None:
    """Whatever came with its first byte is not counted."""
    rest = b"\r\n" + (offers + b"hello" if offers else CLOSE + b"\r\n")

    answer = answer_to(HEAD, b"x: " + b"y" * (size - 3), rest)

    assert status_of(answer) == status


def test_what_a_refused_client_reads(caplog: pytest.LogCaptureFixture) -> None:
    assert answer_to() == (
        b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    assert caplog.messages == ["A request is not read further: 408 Request Timeout"]


def test_nobody_is_refused_twice() -> None:
    async def refuse() -> bytes:
        talk = Talk()
        for _ in range(2):
            talk.protocol.refuse(b"503 Service Unavailable")
        return talk.wire.written

    assert virtual_time.run(refuse()).count(b"503") == 1


def test_what_is_not_http_is_said_so(caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_to(b"nonsense\r\n\r\n")

    assert status_of(answer) == 400
    assert answer.endswith(b"Invalid HTTP request received.")
    assert caplog.messages == ["Invalid HTTP request received."]


BODY = b"content-length: 5\r\n\r\n"


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ((), 10),
        ((b"GET / HT",), 20),
        ((9.0, b"GET / HT", 19.0, b"TP"), 9 + 20),
        ((HEAD,), 20),
        ((HEAD, 15.0, BODY + b"hel"), 15 + 300),
        ((HEAD, BODY + b"h", 299.0, b"ell"), 300),
        ((HEAD + BODY + b"hello", 4.0, b"GET / HT"), 4 + 20),
    ],
)
def test_request_that_does_not_arrive_in_time_is_refused(
    parts: tuple[bytes | float, ...], seconds: float
) -> None:
    async def ask() -> tuple[bytes, float]:
        ended = await talk(*parts)
        return ended.wire.written, ended.wire.times[-1]

    answer, refused_at = virtual_time.run(ask())

    assert b"HTTP/1.1 408" in answer
    assert refused_at == pytest.approx(seconds)


def make_slow(seconds: float, *, begins: bool = False) -> ASGIApp:
    """An application that takes its time, before the answer or once that has begun."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        if not begins:
            await asyncio.sleep(seconds)
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if begins:
            await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b"late"})

    return slow


def test_answer_may_take_longer_than_the_request() -> None:
    request = HEAD + CLOSE + b"content-length: 0\r\n\r\n"

    assert answer_to(request, app=make_slow(1000)).endswith(b"late")


def test_nothing_is_left_to_do_for_a_client_that_has_gone() -> None:
    async def leave(*parts: bytes) -> tuple[bytes, bytes]:
        talk = Talk(make_slow(1000))
        for part in parts:
            talk.protocol.data_received(part)
        talk.protocol.eof_received()
        before = talk.wire.written
        talk.protocol.connection_lost(ConnectionResetError())
        await asyncio.sleep(500)
        written = talk.wire.written
        await asyncio.gather(*talk.state.tasks)
        return before, written

    assert virtual_time.run(leave()) == (b"", b"")
    assert virtual_time.run(leave(HEAD + BODY + b"hello")) == (PROBE, PROBE)


def test_limits_know_what_a_connection_does() -> None:
    async def ask(*parts: bytes) -> list[str]:
        return (await talk(*parts)).limits.events

    once = ["received 3", "received 2", "arrived", "released", "waits"]
    assert virtual_time.run(ask(HEAD, BODY + b"hel", b"lo")) == [
        *("opened", "waits", *once, "closed", "released")
    ]
    both = ["received 5", "arrived", "received 5", "arrived", "released", "released", "waits"]
    assert virtual_time.run(ask(2 * (HEAD + BODY + b"hello"))) == [
        *("opened", "waits", *both, "closed", "released")
    ]


def test_application_says_when_it_keeps_a_body_no_longer() -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        scope["extensions"]["max.body"]["release"]()
        await PlainTextResponse("read")(scope, receive, send)

    async def ask() -> list[str]:
        return (await talk(HEAD + CLOSE + BODY + b"hello", app=reads)).limits.events

    released = virtual_time.run(ask()).count("released")
    # Also with the answer, and when the connection ends.
    assert released == 1 + 2


async def show(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked."""
    body = await Request(scope, receive).body()
    lines = [scope["method"], scope["http_version"], scope["path"], scope["query_string"].decode()]
    lines += [f"{name.decode()}={value.decode()}" for name, value in scope["headers"]]
    await PlainTextResponse("|".join([*lines, body.decode()]))(scope, receive, send)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_all_of_a_head_but_the_offer_is_kept(version: str) -> None:
    head = f"PUT /a%20b?c=d HTTP/{version}\r\nHost: x\r\nupgrade: h2c\r\n".encode()
    request = head + b"Connection: Upgrade, close\r\ncontent-length: 2\r\n\r\nhi"

    answer = answer_to(request, app=show).partition(b"\r\n\r\n")[2].decode()

    kept = "host=x|connection=Upgrade, close|content-length=2"
    assert answer == f"PUT|{version}|/a b|c=d|{kept}|hi"


def test_what_follows_the_last_request_is_not_read() -> None:
    for last in (HEAD + CLOSE + BODY + b"hello", HEAD + OFFER + b"hello"):
        answer = answer_to(last + HEAD + BODY + b"other")

        assert answer.count(b"HTTP/1.1 ") == 1
        assert (status_of(answer), answer[-5:]) == (200, b"hello")


def test_half_closed_client_is_asked_whether_it_listens_until_it_is_answered() -> None:
    async def ask() -> Wire:
        request = HEAD + BODY + b"hello"
        return (await talk(request, app=make_slow(2.5), half_close=True)).wire

    wire = virtual_time.run(ask())

    assert wire.written.startswith(4 * PROBE + b"HTTP/1.1 200")
    assert wire.written.endswith(b"connection: close\r\n\r\nlate")
    assert wire.times == pytest.approx([0, 0.02, 1.02, 2.02, 2.5, 2.5])


def test_answer_that_has_begun_is_not_interrupted() -> None:
    async def ask(*parts: bytes | float) -> bytes:
        app = make_slow(2.5, begins=True)
        return (await talk(*parts, app=app, half_close=True)).wire.written

    request = HEAD + BODY + b"hello"
    assert PROBE not in virtual_time.run(ask(request, 0.1))
    # The second one waits while the first is answered, and is asked in between.
    first, _, second = virtual_time.run(ask(2 * request, 0.1)).partition(b"late")
    assert first.count(b"HTTP/1.1 ") == 1
    assert second.endswith(b"late")


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (HEAD,),
        (HEAD + BODY + b"hel", 0.1),
        (b"POST / HTTP/1.0\r\n" + BODY + b"hello", 0.1),
        (HEAD + BODY + b"hello", 3.0),
    ],
)
def test_client_that_closes_without_waiting_for_an_answer_is_gone(
    parts: tuple[bytes | float, ...],
) -> None:
    async def close() -> bool:
        talk = Talk(make_slow(2))
        for part in parts:
            if isinstance(part, bytes):
                talk.protocol.data_received(part)
            else:
                await asyncio.sleep(part)
        stays = bool(talk.protocol.eof_received())
        talk.protocol.connection_lost(None)
        await asyncio.gather(*talk.state.tasks)
        return stays

    assert not virtual_time.run(close())


def test_answer_that_is_not_read_counts_and_may_be_given_up() -> None:
    async def run() -> None:
        talk = Talk()
        talk.protocol.data_received(HEAD + b"content-length: 5\r\n\r\nhello")
        await asyncio.gather(*talk.state.tasks)
        size = len(talk.wire.written)

        talk.protocol.pause_writing()
        assert talk.limits.leaving.total == size > 0
        assert talk.protocol.flow.write_paused
        talk.protocol.resume_writing()
        assert talk.limits.leaving.total == 0
        assert not talk.protocol.flow.write_paused

        talk.protocol.pause_writing()
        talk.limits.leaving.hold(talk.protocol, 1000)
        assert talk.wire.aborted
        await talk.end()
        assert talk.limits.leaving.total == 0

    virtual_time.run(run())
