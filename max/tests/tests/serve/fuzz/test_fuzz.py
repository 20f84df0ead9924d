"""A server outlives any requests: no error of its own, no hang, no page lost, same answers."""

# build: size = "large"

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.serve.fuzz.raw_requests import raw_requests
from tests.serve.fuzz.wire import Ending, RawRequest, exchange
from tests.serve.scripted_model import GREETING, MODEL_NAME
from tests.serve.server_process import ServerProcess

CONNECTIONS = 16
SEED = 20261120


def fuzz(server: ServerProcess, seed: int, count: int) -> Counter[str]:
    """Sends the requests of a seed, several at a time, and checks each answer.

    Returns:
        How many requests ended how.
    """
    url = httpx.URL(server.url)
    endings: Counter[str] = Counter()
    requests = raw_requests(seed, count)

    async def work() -> None:
        for request in requests:
            endings[await ending(request)] += 1

    async def ending(request: RawRequest) -> str:
        try:
            answer = await exchange(url.host, url.port or 80, request)
        except TimeoutError:
            raise AssertionError(f"no answer to {request}") from None
        if not answer.data and request.ending is not Ending.READ_ANSWER:
            return "no answer"
        if request.ending in (Ending.READ_ANSWER, Ending.SEND_END) and (
            problem := answer.problem()
        ):
            if request.ending is Ending.SEND_END and not answer.is_complete:
                return "cut off"
            raise AssertionError(f"{problem}\nas answer to {request}")
        return str(answer.status)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(work())

    asyncio.run(run())
    return endings


def ask(server: ServerProcess, prompt: str) -> str:
    body = {"model": MODEL_NAME, "prompt": prompt, "max_tokens": 100}
    answer = server.client.post("/v1/completions", json=body).json()
    return str(answer["choices"][0]["text"])


def assert_unharmed(server: ServerProcess, workers: list[int]) -> None:
    """The same worker, all pages free, the log without a traceback, and an answer as ever."""
    deadline = time.monotonic() + 10
    while (held := ask(server, "pages")) != "000":
        assert time.monotonic() < deadline, f"{held} pages are held although nothing runs"
    assert ask(server, "greet") == GREETING
    assert [worker.pid for worker in server.workers()] == workers
    assert "Traceback" not in server.output
    assert "never retrieved" not in server.output


@pytest.fixture
def unharmed(short_server: ServerProcess) -> Iterator[ServerProcess]:
    """The server, which has to be as it was when the test ends."""
    workers = [worker.pid for worker in short_server.workers()]
    yield short_server
    assert_unharmed(short_server, workers)


def test_some_strange_requests(unharmed: ServerProcess) -> None:
    endings = fuzz(unharmed, SEED, 300)

    # Some of every kind: what is fuzzed is nearly right, so that it gets far.
    assert {"200", "400", "404", "no answer"} <= endings.keys(), endings


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_strange_requests(unharmed: ServerProcess) -> None:
    endings = fuzz(unharmed, SEED + 1, 10_000)

    print(dict(endings))
    assert endings.total() == 10_000
    assert {"200", "400", "404", "405", "413", "no answer"} <= endings.keys(), endings
