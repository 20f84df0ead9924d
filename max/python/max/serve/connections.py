"""What all connections of a server may take together: their number, and bodies that arrive."""

from __future__ import annotations

import logging
import resource
import time
from typing import Protocol

from max.serve.leaving import LeavingBytes
from max.serve.memory import FreedMemory

logger = logging.getLogger(__name__)

# Files that are no connections: the model, sockets to the worker, the log, the listener.
_RESERVED_FILES = 128
_LOG_INTERVAL_S = 10.0

_TOO_MANY = b"503 Service Unavailable"


class Connection(Protocol):
    """One of them."""

    def refuse(self, status: bytes) -> None:
        """Answers with a status line, without a body, and closes the connection."""
        ...

    def give_up(self, most: int) -> None:
        """As of `Holder`."""
        ...


class Connections:
    """Makes room where it is short, at the cost of who has waited longest or sent most.

    A connection is pending while no request has arrived on it whole. What a request's body takes is
    counted from its first byte until it has been read into something else.

    Args:
        most: Connections at once. A further one closes the longest pending one; if none is
            pending, it is refused.
        most_body_bytes: Bytes of all bodies together. Beyond them the pending connection that has
            sent most is refused.
        leaving: What answers take until they are sent.
    """

    def __init__(
        self, most: int, most_body_bytes: int, leaving: LeavingBytes | None = None
    ) -> None:
        self._leaving = LeavingBytes() if leaving is None else leaving
        self._most = most
        self._most_body_bytes = most_body_bytes
        self._open: set[Connection] = set()
        self._pending: dict[Connection, None] = {}  # Longest first.
        self._body_bytes: dict[Connection, int] = {}
        self._total_bytes = 0
        self._logged_at = -_LOG_INTERVAL_S
        self._memory = FreedMemory()

    def opened(self, connection: Connection) -> None:
        """A client has connected."""
        self._open.add(connection)
        self.waits(connection)
        if len(self._open) > self._most:
            self._log(f"{self._most} connections are open (--max-connections)")
            self._drop(next(iter(self._pending)))

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        self._pending.pop(connection, None)
        self.release(connection)
        self.sent(connection)

    def waits(self, connection: Connection) -> None:
        """A connection is pending, from now on."""
        self._pending.pop(connection, None)
        self._pending[connection] = None

    def arrived(self, connection: Connection) -> None:
        """A request has arrived whole."""
        self._pending.pop(connection, None)

    def received(self, connection: Connection, size: int) -> None:
        """A part of a request's body has arrived."""
        if connection not in self._open:
            return
        self._body_bytes[connection] = self._body_bytes.get(connection, 0) + size
        self._total_bytes += size
        if self._total_bytes > self._most_body_bytes:
            self._log(
                f"{self._most_body_bytes} bytes of bodies are arriving (--max-arriving-bytes)"
            )
            sizes = self._body_bytes
            self._drop(max(self._pending, key=lambda each: sizes.get(each, 0), default=connection))

    def release(self, connection: Connection) -> None:
        """The body of a connection's request is not kept any longer."""
        size = self._body_bytes.pop(connection, 0)
        self._total_bytes -= size
        self._memory.freed(size)

    def unsent(self, connection: Connection, size: int) -> None:
        """So much is written of an answer that its client does not take as fast."""
        self._leaving.hold(connection, size)

    def sent(self, connection: Connection) -> None:
        """The client has taken it."""
        self._leaving.release(connection)

    def _drop(self, connection: Connection) -> None:
        self.closed(connection)
        connection.refuse(_TOO_MANY)

    def _log(self, reason: str) -> None:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_INTERVAL_S:
            self._logged_at = now
            logger.warning("Connections are closed for others: %s", reason)


def raise_file_limit() -> int:
    """Lets this process have as many open files as the system allows it; gives their number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def connections_within(most: int, file_limit: int) -> int:
    """How many connections there may be: `most`, or what the limit of open files allows."""
    return max(1, min(most, file_limit - _RESERVED_FILES))
