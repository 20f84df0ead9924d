"""HTTP on one connection: uvicorn's, bounded in size and time, and deaf to upgrades."""

from __future__ import annotations

import re
from asyncio import BaseTransport, TimerHandle, Transport
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Node's limit is 16 KiB, nginx's 32 KiB, that of uvicorn's other parser 64 KiB.
MAX_HEAD_BYTES = 64 * 1024
# As Node: 16 MiB within it are 55 KB/s.
ARRIVAL_TIMEOUT_S = 300.0

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class HttpProtocol(HttpToolsProtocol):
    """Ends connections whose requests never end; neither uvicorn nor its parser has a limit.

    Heads, trailers and the sizes of chunks together may have `MAX_HEAD_BYTES`, beside as much as
    the body; bodies are bounded by the route. A request has `ARRIVAL_TIMEOUT_S` to arrive.

    An offer to upgrade the protocol is ignored, as RFC 9110 (7.8) allows. The parser would stop at
    it, and the body would be lost: Java's HTTP client makes that offer with its first request.
    """

    _arrival: TimerHandle | None = None
    _in_message = False
    _began = False
    _framing_bytes = 0
    _body_bytes = 0
    _taken = 0

    def connection_made(self, transport: BaseTransport) -> None:
        """A client is there."""
        super().connection_made(cast("Transport", transport))
        self._expect_a_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what has come."""
        if not self._in_message:
            head, end_of_head, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nx-ignored-upgrade:", head) + end_of_head + rest
        self._began, self._taken = False, 0
        super().data_received(data)
        # What begins in the middle of a read is counted from the next one on.
        if self._in_message and not self._began:
            self._framing_bytes += len(data) - self._taken
            if self._framing_bytes > MAX_HEAD_BYTES + self._body_bytes:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The parser found the first byte of a request."""
        self._in_message = self._began = True
        self._framing_bytes = self._body_bytes = 0
        self._expect_a_request()
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """The parser found a part of a body."""
        self._taken += len(body)
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser found the end of a request."""
        self._in_message = False
        self._stop_waiting()
        super().on_message_complete()

    def _expect_a_request(self) -> None:
        self._stop_waiting()
        self._arrival = self.loop.call_later(ARRIVAL_TIMEOUT_S, self._refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        self.logger.warning("A request is not read further: %s", status.decode())
        head = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head % status)
        self.transport.close()
