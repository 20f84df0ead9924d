"""What an honest client and the machine see of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import httpx
import psutil

_CHAT = {
    "model": "demo",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 4,
    "temperature": 0,
}
_AFTER_S = 2.0


class Seen(NamedTuple):
    """What was seen while a case ran, and a little longer.

    Attributes:
        health_ms: the longest wait for /health, asked every 20 ms.
        chat_ms: the longest wait for a chat of 4 tokens, asked every 100 ms.
        errors: answers of 500 or more to the honest client, and missing ones.
        growth_mb: how much the API process grew.
        kept_mb: how much of that it kept a few seconds later.
    """

    health_ms: float
    chat_ms: float
    errors: int
    growth_mb: float
    kept_mb: float


def watch(url: str, pid: int, case: Callable[[], object]) -> Seen:
    """Runs a case beside an honest client."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    health, chat, sizes, errors = [0.0], [0.0], [before], [0]
    done = threading.Event()

    def ask(path: str, body: object, pause: float, waits: list[float]) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not done.is_set():
                began = time.perf_counter()
                try:
                    method = "GET" if body is None else "POST"
                    errors[0] += client.request(method, path, json=body).status_code >= 500
                except httpx.HTTPError:
                    errors[0] += 1
                waits.append(time.perf_counter() - began)
                done.wait(pause)

    def measure() -> None:
        while not done.is_set():
            with contextlib.suppress(psutil.Error):
                sizes.append(process.memory_info().rss)
            done.wait(0.02)

    threads = [
        threading.Thread(target=ask, args=("/health", None, 0.02, health)),
        threading.Thread(target=ask, args=("/v1/chat/completions", _CHAT, 0.1, chat)),
        threading.Thread(target=measure),
    ]
    for thread in threads:
        thread.start()
    case()
    done.wait(_AFTER_S)
    done.set()
    for thread in threads:
        thread.join()
    kept = process.memory_info().rss - before
    growth = max(sizes) - before
    return Seen(max(health) * 1e3, max(chat) * 1e3, errors[0], growth / 2**20, kept / 2**20)
