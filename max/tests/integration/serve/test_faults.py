"""The worker is killed again and again, clients leave, and every other stream ends as if not."""

# build: deps = ["//max/python/max/entrypoints:pipelines"]
# build: size = "large"

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from integration.serve.conftest import SERVE_DEMO
from integration.serve.load import Ask, gauge, make_asks, texts_of
from tests.serve.server_process import ServerProcess, ready

FREE_WITHIN_S = 10.0
IDLE_S = 5.0


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the demo that nobody else uses."""
    with ready(SERVE_DEMO, tmp_path_factory.mktemp("faults")) as server:
        yield server


class Killer:
    """Kills the worker when the streams together have said so many characters."""

    def __init__(self, server: ServerProcess, moments: list[int]) -> None:
        self.num_killed = 0
        self._server = server
        self._moments = sorted(moments)
        self._num_characters = 0
        self._lock = threading.Lock()

    def count(self, text: str) -> None:
        """A stream said something."""
        with self._lock:
            self._num_characters += len(text)
            if self._moments and self._num_characters >= self._moments[0]:
                for worker in self._server.workers():
                    worker.kill()
                    self.num_killed += 1
                    self._moments.pop(0)


def assert_all_pages_free(server: ServerProcess) -> None:
    deadline = time.monotonic() + FREE_WITHIN_S
    while used := gauge(server, "maxserve_cache_num_used_blocks"):
        assert time.monotonic() < deadline, f"{used} pages are held by nobody"
    assert gauge(server, "maxserve_cache_num_total_blocks") > 0


def undisturbed(server: ServerProcess, asks: list[Ask]) -> list[list[str] | None]:
    """What the streams say when nothing happens and nobody leaves."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda ask: texts_of(server, Ask(ask.body)), asks))


@pytest.mark.parametrize(
    ("streams", "kills"),
    [(16, 2), pytest.param(64, 5, marks=pytest.mark.slow)],
)
def test_every_stream_that_is_read_to_its_end_is_as_if_nothing_happened(
    own_server: ServerProcess, streams: int, kills: int
) -> None:
    asks = make_asks(streams, seed=streams, leaving=0.2)
    expected = undisturbed(own_server, asks)
    stay = [texts for ask, texts in zip(asks, expected, strict=True) if ask.leaves_after is None]
    length = sum(len(text) for texts in stay for text in texts or ())
    moments = random.Random(streams).sample(range(length * 3 // 4), kills)
    killer = Killer(own_server, moments)

    with ThreadPoolExecutor(streams) as threads:
        got = list(threads.map(lambda ask: texts_of(own_server, ask, killer.count), asks))

    assert killer.num_killed == kills
    for ask, before, after in zip(asks, expected, got, strict=True):
        assert after is None or after == before, ask
    assert sum(texts is not None for texts in got) >= len(stay) > streams / 2
    assert_all_pages_free(own_server)


def test_idle_server_uses_no_cpu(own_server: ServerProcess) -> None:
    """Both processes together take less than 1 % of a core, whatever happened before."""
    before, began = own_server.cpu_seconds(), time.monotonic()
    # Not a wait for something: the time over which nothing shall happen.
    time.sleep(IDLE_S)
    used, lasted = own_server.cpu_seconds() - before, time.monotonic() - began

    assert used < 0.01 * lasted


def test_books_of_the_pages_are_right_at_the_end(own_server: ServerProcess) -> None:
    """A worker checks them when it stops; what it finds is in the log."""
    workers = own_server.workers()
    own_server.signal(signal.SIGTERM)

    assert own_server.wait() == 0
    psutil.wait_procs(workers)
    assert "KVCacheIntegrityError" not in own_server.output
