"""HTTP on one connection: uvicorn's, bounded in size and time, and deaf to upgrades."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle, Transport
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from max.serve.connections import Connections

# Node's limit is 16 KiB, nginx's 32 KiB, that of uvicorn's other parser 64 KiB.
MAX_HEAD_BYTES = 64 * 1024
# A connection on which no request begins, and a head that does not end.
IDLE_TIMEOUT_S = 10.0
HEAD_TIMEOUT_S = 20.0
# A whole request, as Node: 16 MiB within it are 55 KB/s.
ARRIVAL_TIMEOUT_S = 300.0
# A client that has said its last word may still listen. What is sent to one that does not comes
# back as an error with the write after it.
_PROBE = b"HTTP/1.1 102 Processing\r\n\r\n"
_PROBE_INTERVALS_S = (0.02, 1.0)
# Where the application finds how to say that it keeps a request's body no longer.
BODY_EXTENSION = "max.body"

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class HttpProtocol(HttpToolsProtocol):
    """Ends connections whose requests never end; neither uvicorn nor its parser has a limit.

    Heads, trailers and the sizes of chunks together may have `MAX_HEAD_BYTES`, beside as much as
    the body; bodies are bounded by the route. A request has `IDLE_TIMEOUT_S` to begin,
    `HEAD_TIMEOUT_S` for its head and `ARRIVAL_TIMEOUT_S` to arrive. `Connections` bounds what all
    of them take.

    An offer to upgrade the protocol is ignored, as RFC 9110 (7.8) allows: Java's HTTP client makes
    it with its first request. The parser takes such a head for a whole request without a body, and
    stops behind it. So another parser is given that head without the offer, and what comes next.

    A client may close its own half of the connection behind its request (RFC 9112, 9.6) and gets
    its answer. One that has gone looks the same; it is found out by interim responses to it.
    """

    _arrival: TimerHandle | None = None
    _in_message = False
    _began = False
    _offers_upgrade = False
    _framing_bytes = 0
    _body_bytes = 0
    _taken = 0
    _probe: TimerHandle | None = None

    def __init__(self, *, limits: Connections, **kwargs: Any) -> None:
        """As uvicorn's.

        Args:
            limits: What all connections of the server share.
            kwargs: Of uvicorn's protocol.
        """
        super().__init__(**kwargs)
        self._limits = limits

    def connection_made(self, transport: BaseTransport) -> None:
        """A client is there."""
        super().connection_made(cast("Transport", transport))
        self._wait(IDLE_TIMEOUT_S)
        self._limits.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        if self._probe is not None:
            self._probe.cancel()
        self._limits.closed(self)
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client will send no more; true keeps the connection for the answer."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return None
        if cycle.scope["http_version"] != "1.1":
            return None  # It knows no interim responses.
        cycle.keep_alive = False
        self._probe_client()
        return True

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is written."""
        super().pause_writing()
        self._limits.unsent(self, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has taken nearly all that is written."""
        super().resume_writing()
        self._limits.sent(self)

    def give_up(self, most: int) -> None:
        """Forgets what its client does not read, and closes the connection."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parses what has come."""
        self._began, self._taken = False, 0
        self._parse(data)
        # What begins in the middle of a read is counted from the next one on.
        if self._in_message and not self._began:
            self._framing_bytes += len(data) - self._taken
            if self._framing_bytes > MAX_HEAD_BYTES + self._body_bytes:
                self.refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The parser found the first byte of a request."""
        self._in_message = self._began = True
        self._framing_bytes = self._body_bytes = 0
        self._wait(HEAD_TIMEOUT_S)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The parser found the end of a head."""
        # CONNECT counts as an upgrade too, but nobody offers anything else with it.
        self._offers_upgrade = (
            self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        )
        if not self._offers_upgrade:
            self._wait(ARRIVAL_TIMEOUT_S)
            self.scope["extensions"] = {BODY_EXTENSION: {"release": self._release_body}}
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The parser found a part of a body."""
        self._taken += len(body)
        self._body_bytes += len(body)
        super().on_body(body)
        self._limits.received(self, len(body))

    def on_message_complete(self) -> None:
        """The parser found the end of a request."""
        if self._offers_upgrade:
            return
        self._in_message = False
        self._stop_waiting()
        self._limits.arrived(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered; there may be another one."""
        self._limits.release(self)
        if not self.pipeline:
            self._limits.waits(self)
        super().on_response_complete()

    def _parse(self, data: bytes) -> None:
        """What uvicorn does with it, but for the offers to upgrade."""
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._feed(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def _feed(self, data: bytes) -> bytes:
        """Parses as far as an offer to upgrade; gives what is to be parsed then."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._offers_upgrade:
                head = self._head_without_offer()
                self.parser = httptools.HttpRequestParser(self)
                # As uvicorn's: a pipelined request may follow one that closes the connection.
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                return head + data[upgrade.args[0] :]
        return b""

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _release_body(self) -> None:
        self._limits.release(self)

    def _probe_client(self, attempt: int = 0) -> None:
        if self.transport.is_closing():
            return
        # Nothing comes into the middle of an answer, be it that of an earlier request.
        if not self.pipeline and not self.cycle.response_started:
            self.transport.write(_PROBE)
        interval = _PROBE_INTERVALS_S[min(attempt, len(_PROBE_INTERVALS_S) - 1)]
        self._probe = self.loop.call_later(interval, self._probe_client, attempt + 1)

    def _wait(self, seconds: float) -> None:
        """Gives the client so long for what is to come."""
        self._stop_waiting()
        self._arrival = self.loop.call_later(seconds, self.refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def refuse(self, status: bytes) -> None:
        """Answers with a status line, without a body, and closes the connection."""
        if self.transport.is_closing():
            return
        self.logger.warning("A request is not read further: %s", status.decode())
        head = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head % status)
        self.transport.close()
