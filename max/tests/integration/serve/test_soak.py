"""A server under mixed load for minutes: memory stays flat, pages are accounted for, texts repeat.

SOAK_SECONDS is how long, 600 by default.
"""

# build: deps = ["//max/python/max/entrypoints:pipelines"]
# build: size = "enormous"

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import psutil
import pytest

from integration.serve.conftest import SERVE_DEMO
from integration.serve.load import Ask, gauge, make_asks, texts_of
from tests.serve.server_process import ServerProcess, ready

DURATION_S = float(os.environ.get("SOAK_SECONDS", "600"))
NUM_CLIENTS = 16
# Fewer run than there are clients, so some wait; and the cache is small, so prefixes are evicted.
FLAGS = ["--max-batch-size", "12", "--max-length", "1024", "--max-queue-size", "1000"]
# Requests of one round; each comes again in every round, as a hit of the prefix cache or not.
NUM_ASKS = 200
# Of the memory that both processes hold, from the second quarter of the time to the last one.
ALLOWED_GROWTH = 0.03
MIB = 2**20


@pytest.fixture
def soaked(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of the demo that nobody else uses."""
    with ready([*SERVE_DEMO, *FLAGS], tmp_path / "server") as server:
        yield server


class Clients:
    """Ask again and again, and compare what they get with what they got before."""

    def __init__(self, server: ServerProcess) -> None:
        self.num_finished = 0
        self.num_left = 0
        self.over = threading.Event()
        self._server = server
        self._asks = make_asks(NUM_ASKS, seed=0, leaving=0.15)
        self._known: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def run(self, first: int) -> None:
        """One client, until `over`."""
        number = first
        while not self.over.is_set():
            ask = self._asks[number % NUM_ASKS]
            self._note(ask, texts_of(self._server, ask))
            number += NUM_CLIENTS + 1

    def _note(self, ask: Ask, texts: list[str] | None) -> None:
        with self._lock:
            if texts is None:
                self.num_left += 1
                return
            self.num_finished += 1
            assert self._known.setdefault(json.dumps(ask.body), texts) == texts, ask


def memory_of(server: ServerProcess) -> int:
    """Bytes that both processes hold."""
    processes = [psutil.Process(server.process.pid), *server.workers()]
    return sum(int(process.memory_info().rss) for process in processes)


@pytest.mark.slow
@pytest.mark.timeout(DURATION_S + 600)
def test_soak(soaked: ServerProcess) -> None:
    clients = Clients(soaked)
    memory: list[int] = []
    end = time.monotonic() + DURATION_S
    with ThreadPoolExecutor(NUM_CLIENTS) as threads:
        running = [threads.submit(clients.run, number) for number in range(NUM_CLIENTS)]
        while time.monotonic() < end and not any(client.done() for client in running):
            memory.append(memory_of(soaked))
            clients.over.wait(1.0)
        clients.over.set()
        for client in running:
            client.result()

    quarter = len(memory) // 4
    before, after = median(memory[quarter : 2 * quarter]), median(memory[-quarter:])
    print(
        f"\n{clients.num_finished} requests finished, {clients.num_left} left early,"
        f" {gauge(soaked, 'maxserve_cache_hits_total'):.0f} prompt tokens from the prefix cache;"
        f" memory {before / MIB:.1f} MiB in the second quarter,"
        f" {after / MIB:.1f} MiB in the last one"
    )
    assert after < before * (1 + ALLOWED_GROWTH)
    assert clients.num_finished > NUM_CLIENTS
    assert soaked.client.get("/health").json()["restarts"] == 0
    while gauge(soaked, "maxserve_cache_num_used_blocks"):
        assert time.monotonic() < end + 120, "pages are held by nobody"
    workers = soaked.workers()
    soaked.signal(signal.SIGTERM)
    assert soaked.wait() == 0
    psutil.wait_procs(workers)
    assert "KVCacheIntegrityError" not in soaked.output
