"""A client without manners, and what it does again and again."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
PROMPT: Mapping[str, Any] = {"model": "demo", "prompt": "a", "max_tokens": 1}
TURN: Mapping[str, Any] = {"role": "user", "content": "a"}


class Abuser:
    """A client without manners.

    Attributes:
        url: Of the server.
        statuses: Of the answers that it got.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: list[int] = []
        self._client = httpx.Client(base_url=url, verify=False)

    def post(
        self,
        path: str,
        body: object,
        timeout: float = 60,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Sends a body, JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.suppress(httpx.HTTPError):
            answer = self._client.post(path, content=raw, timeout=timeout, headers=headers)
            self.statuses.append(answer.status_code)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> None:
        """Asks for a path."""
        with contextlib.suppress(httpx.HTTPError):
            answer = self._client.get(path, timeout=60, headers=headers)
            self.statuses.append(answer.status_code)

    def connect(self, head: bytes = b"") -> socket.socket:
        """Opens a connection and sends a beginning."""
        address = urlsplit(self.url)
        connection = socket.create_connection((address.hostname, address.port or 80))
        connection.settimeout(30)
        with contextlib.suppress(OSError):
            connection.sendall(head)
        return connection

    def send_pieces(self, pieces: Iterable[bytes], pause: float = 0) -> None:
        """Sends pieces on a connection of their own, and takes what is answered first."""
        connection = self.connect()
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            status = connection.recv(4096).partition(b" ")[2][:3]
            self.statuses.append(int(status) if status.isdigit() else 0)
        connection.close()


Case = Callable[[Abuser], None]


def sends(path: str, body: object, times: int = 1) -> Case:
    """A body, so many times at once."""

    def run(abuser: Abuser) -> None:
        with ThreadPoolExecutor(times) as threads:
            for _ in range(times):
                threads.submit(abuser.post, path, body)

    return run


def repeats(path: str, body: object, times: int, at_once: int = 16) -> Case:
    """A body, again and again."""

    def run(abuser: Abuser) -> None:
        raw = json.dumps(body).encode()
        with ThreadPoolExecutor(at_once) as threads:
            for _ in range(times):
                threads.submit(abuser.post, path, raw)

    return run


def holds(count: int, head: bytes, seconds: float = 3) -> Case:
    """So many connections on which no more comes than a beginning."""

    def run(abuser: Abuser) -> None:
        held = [abuser.connect(head) for _ in range(count)]
        time.sleep(seconds)
        for connection in held:
            connection.close()

    return run


def leaves(path: str, body: Mapping[str, object], seconds: float = 6) -> Case:
    """Asks for a lot and goes away after some seconds."""
    return lambda abuser: abuser.post(path, body, timeout=seconds)
