"""Sends requests to one server over kept connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

from max.benchmark.client.connection import Connection, ConnectionLost
from max.benchmark.client.exchange import Exchange, Failure


@dataclass(frozen=True)
class Server:
    """Where a server is.

    Attributes:
        host: A name or an address.
        port: The port.
        path: What stands before `/v1/...`; empty for most.
        tls: Whether it speaks HTTPS.
    """

    host: str
    port: int
    path: str = ""
    tls: bool = False

    @classmethod
    def parse(cls, base_url: str) -> Server:
        """Reads `http://host:port`, with or without `/v1` behind it.

        Raises:
            ValueError: if this is no address of HTTP.
        """
        parts = urlsplit(base_url if "://" in base_url else f"http://{base_url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"--base-url {base_url!r} is no address: it looks like http://127.0.0.1:8000"
            )
        tls = parts.scheme == "https"
        path = parts.path.rstrip("/").removesuffix("/v1")
        return cls(parts.hostname, parts.port or (443 if tls else 80), path, tls)


@dataclass
class Client:
    """Carries any number of exchanges at a time, each over a connection of its own.

    Attributes:
        server: Where they go.
        headers: Sent with each request.
        timeout_s: Longest time of an exchange, in seconds.
        in_flight: The exchanges that run.
    """

    server: Server
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 600.0
    in_flight: list[Exchange] = field(default_factory=list)
    _idle: list[Connection] = field(default_factory=list)

    async def get(self, path: str) -> Exchange:
        """Asks for a document."""
        return await self._exchange(self._head("GET", path) + b"\r\n")

    async def post(self, path: str, body: bytes) -> Exchange:
        """Sends JSON. What goes wrong is in the exchange's `failure`.

        When it is cancelled, the connection is closed.
        """
        return await self._exchange(self.post_request(path, body))

    def post_request(self, path: str, body: bytes) -> bytes:
        """The bytes of a request."""
        head = self._head("POST", path)
        lines = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head + lines.encode() + body

    def close(self) -> None:
        """Closes the idle connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _head(self, method: str, path: str) -> bytes:
        host = f"[{self.server.host}]" if ":" in self.server.host else self.server.host
        lines = [
            f"{method} {self.server.path}{path} HTTP/1.1",
            f"Host: {host}:{self.server.port}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")

    async def _exchange(self, request: bytes) -> Exchange:
        exchange = Exchange(sent=perf_counter())
        await self.carry(request, exchange)
        return exchange

    async def carry(self, request: bytes, exchange: Exchange) -> None:
        """Sends the bytes of a request and waits for the end of the answer."""
        self.in_flight.append(exchange)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._carry(request, exchange)
        except TimeoutError:
            message = f"no end of the answer within {self.timeout_s:g} s (--request-timeout)"
            exchange.failure = Failure("timeout", message)
        except ConnectionLost as error:
            exchange.failure = Failure("disconnected", str(error))
        except OSError as error:
            exchange.failure = Failure("connection", str(error))
        finally:
            exchange.ended = exchange.ended or perf_counter()
            self.in_flight.remove(exchange)

    async def _carry(self, request: bytes, exchange: Exchange) -> None:
        while (connection := self._take_idle()) is not None:
            try:
                await connection.carry(request, exchange)
            except ConnectionLost:
                if exchange.status:
                    raise
                # The server had closed an idle connection: it has not seen this request.
            else:
                self._give_back(connection)
                return
        connection = await self._connect()
        await connection.carry(request, exchange)
        self._give_back(connection)

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    def _give_back(self, connection: Connection) -> None:
        if connection.is_open:
            self._idle.append(connection)

    async def _connect(self) -> Connection:
        context = ssl.create_default_context() if self.server.tls else None
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, self.server.host, self.server.port, ssl=context
        )
        return connection
