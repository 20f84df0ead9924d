"""What one abusive client does: each case is cheap for it."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx

COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
_PROMPT = {"model": "demo", "prompt": "a", "max_tokens": 1}
_TURN = {"role": "user", "content": "a"}


class Abuser:
    """A client without manners.

    Attributes:
        url: Of the server.
        statuses: Of the answers that it got.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: list[int] = []

    def post(self, path: str, body: object, timeout: float = 60) -> None:
        """Sends a body, JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.post(self.url + path, content=raw, timeout=timeout)
            self.statuses.append(answer.status_code)

    def connect(self, head: bytes = b"") -> socket.socket:
        """Opens a connection and sends a beginning."""
        address = urlsplit(self.url)
        connection = socket.create_connection((address.hostname, address.port or 80))
        with contextlib.suppress(OSError):
            connection.sendall(head)
        return connection


def _body(path: str, body: object, times: int = 1) -> Callable[[Abuser], None]:
    def run(abuser: Abuser) -> None:
        with ThreadPoolExecutor(times) as threads:
            for _ in range(times):
                threads.submit(abuser.post, path, body)

    return run


def _hold(count: int, head: bytes, seconds: float = 3) -> Callable[[Abuser], None]:
    def run(abuser: Abuser) -> None:
        held = [abuser.connect(head) for _ in range(count)]
        time.sleep(seconds)
        for connection in held:
            connection.close()

    return run


def _greedy(body: Mapping[str, object], seconds: float = 6) -> Callable[[Abuser], None]:
    return lambda abuser: abuser.post(COMPLETIONS, {**_PROMPT, **body}, timeout=seconds)


_ZEROS = b'{"model":"demo","messages":[' + b"0," * 8_000_000 + b"0]}"
_KEYS = b'{"model":"demo",' + b",".join(b'"k%d":1' % i for i in range(300_000)) + b"}"
_PARTS = {"model": "demo", "messages": [{**_TURN, "content": [{"type": "x"}] * 100_000}]}
_HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

CASES: Mapping[str, Callable[[Abuser], None]] = {
    "nobody else": lambda abuser: None,
    "16 MB of zeros as messages": _body(CHAT, _ZEROS),
    "300,000 unknown fields": _body(COMPLETIONS, _KEYS),
    "100,000 wrong parts": _body(CHAT, _PARTS),
    "8,000 messages, twice": _body(CHAT, {"model": "demo", "messages": [_TURN] * 8000}, 2),
    "16 stop strings of 4,000, n=128": _body(
        COMPLETIONS, {**_PROMPT, "stop": ["a" * 4000] * 16, "n": 128}
    ),
    "text of 15 MB, four times": _body(COMPLETIONS, {**_PROMPT, "prompt": "a b " * 3_900_000}, 4),
    "conversation of 15 MB": _body(
        CHAT, {"model": "demo", "messages": [{**_TURN, "content": "a b " * 3_900_000}]}
    ),
    "/tokenize of 4 MB with strings": _body(
        "/tokenize", {"prompt": "a b " * 1_000_000, "return_token_strs": True}
    ),
    "/detokenize of 700,000 tokens": _body("/detokenize", {"tokens": [300] * 700_000}),
    "every token ends, min_tokens": _body(
        COMPLETIONS, {**_PROMPT, "stop_token_ids": list(range(1000)), "min_tokens": 1}
    ),
    "echo with log probabilities, n=128": _body(
        COMPLETIONS, {**_PROMPT, "prompt": "a b " * 500, "echo": True, "logprobs": 5, "n": 128}
    ),
    "2,048 completions": _greedy({"prompt": ["a"] * 2048, "max_tokens": 1900, "ignore_eos": True}),
    "n=128, long answers": _greedy({"n": 128, "max_tokens": 1900, "ignore_eos": True}),
    "500 silent connections": _hold(500, b""),
    "40 bodies of 15 MB without an end": _hold(
        40, _HEAD % (15 * 2**20 + 1) + b"a" * (15 * 2**20), seconds=1
    ),
}


def statuses_of(name: str, url: str) -> list[int]:
    """Runs a case; the statuses of its answers."""
    abuser = Abuser(url)
    CASES[name](abuser)
    return abuser.statuses
