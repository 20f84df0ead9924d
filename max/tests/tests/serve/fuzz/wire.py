"""Sends bytes to a server and reads what comes back, without an HTTP client's manners."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from enum import Enum

TIMEOUT_S = 30
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


class Ending(Enum):
    """What the client does after it has sent everything."""

    READ_ANSWER = "waits for the whole answer"
    SEND_END = "says that nothing more comes, and waits for the end of the connection"
    READ_LITTLE = "reads the beginning of the answer and goes away"
    GO_AWAY = "goes away"


@dataclass(frozen=True)
class RawRequest:
    """Bytes for a connection of their own."""

    data: bytes = field(repr=False)
    ending: Ending = Ending.READ_ANSWER

    def __str__(self) -> str:
        return f"{self.data[:3000]!r} ({len(self.data)} bytes); the client {self.ending.value}"


@dataclass(frozen=True)
class RawAnswer:
    """What came back: nothing, or at least a status line."""

    data: bytes

    @property
    def status(self) -> int | None:
        match = _STATUS.match(self.data)
        return int(match.group(1)) if match else None

    @property
    def body(self) -> bytes:
        head, _, body = self.data.partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" not in head.lower():
            return body
        return re.sub(rb"(?:^|\r\n)[0-9a-f]+\r\n", b"", body)

    @property
    def is_complete(self) -> bool:
        """Whether nothing more belongs to it; without a length, only its end tells."""
        head, end_of_head, body = self.data.partition(b"\r\n\r\n")
        if not end_of_head:
            return False
        if b"transfer-encoding: chunked" in head.lower():
            return body.endswith(b"0\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return length is not None and len(body) >= int(length.group(1))

    def problem(self) -> str | None:
        """What is wrong with the answer, if something is."""
        if self.status is None:
            return f"not HTTP: {self.data[:200]!r}"
        if self.status >= 500:
            return f"status {self.status}: {self.body[:500]!r}"
        head = self.data.partition(b"\r\n\r\n")[0]
        if b"text/event-stream" in head and b"[DONE]" not in self.body:
            return f"an unfinished stream: {self.body[-200:]!r}"
        if b"application/json" in head and self.status >= 400 and self.body:
            return None if "error" in json.loads(self.body) else f"no envelope: {self.body[:200]!r}"
        return None


async def exchange(host: str, port: int, request: RawRequest) -> RawAnswer:
    """One connection from its beginning to its end.

    Raises:
        TimeoutError: The server neither answered nor closed the connection.
    """
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
        data = bytearray()
        # The server may close while we are sending, and forget what we would read.
        with contextlib.suppress(ConnectionError):
            writer.write(request.data)
            await writer.drain()
            if request.ending is Ending.SEND_END:
                writer.write_eof()
            if request.ending is not Ending.GO_AWAY:
                await _read(reader, data, request.ending)
        writer.transport.abort()
        return RawAnswer(bytes(data))


async def _read(reader: asyncio.StreamReader, data: bytearray, ending: Ending) -> None:
    while part := await reader.read(65536):
        data += part
        if ending is Ending.READ_LITTLE:
            return
        if ending is Ending.READ_ANSWER and RawAnswer(bytes(data)).is_complete:
            return
