"""A connection: an asyncio protocol around the parser that uvicorn and Node.js use, too."""

from __future__ import annotations

import asyncio
from time import perf_counter

import httptools

from max.benchmark.client.exchange import Exchange


class ConnectionLost(Exception):
    """The connection ended before the answer did."""


class Connection(asyncio.Protocol):
    """Carries one exchange after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._done: asyncio.Future[None] | None = None
        self._now = 0.0
        self._is_framed = False

    @property
    def is_open(self) -> bool:
        """Whether another exchange can be carried."""
        return self._transport is not None and not self._transport.is_closing()

    async def carry(self, request: bytes, exchange: Exchange) -> None:
        """Sends a request and returns when its answer is complete.

        Raises:
            ConnectionLost: the answer did not come, or not to its end.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost("the connection is closed")
        self._exchange, self._done = exchange, self._loop.create_future()
        self._is_framed = False
        self._transport.write(request)
        try:
            await self._done
        finally:
            exchange.ended = perf_counter()
            if not self._done.done() or self._done.cancelled():
                self.close()  # the rest of a half-read answer must not reach the next exchange
            self._exchange = self._done = None

    def close(self) -> None:
        """Closes the connection; the server sees the client go away."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio's callbacks ---------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came. The hot path: one clock reading for each read."""
        self._now = perf_counter()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._finish(ConnectionLost(f"this is not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection ended."""
        exchange = self._exchange
        if exchange is not None and exchange.status and not self._is_framed and exc is None:
            self._finish(None)  # a body without a length ends with its connection
            return
        reason = f": {exc}" if exc else ""
        self._finish(ConnectionLost(f"the server closed the connection{reason}"))

    # -- the parser's callbacks ------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._is_framed = True

    def on_headers_complete(self) -> None:
        """httptools: the status is known."""
        if self._exchange is not None:
            self._exchange.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """httptools: a part of the body."""
        if self._exchange is not None:
            self._exchange.piece_times.append(self._now)
            self._exchange.pieces.append(body)

    def on_message_complete(self) -> None:
        """httptools: the answer is complete."""
        if self._exchange is not None and self._exchange.status >= 200:
            keep = self._parser.should_keep_alive()
            self._finish(None)
            if not keep:
                self.close()

    def _finish(self, error: ConnectionLost | None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
