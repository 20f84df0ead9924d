"""Tests of `max.serve.model_runner`; `test_server.py` has the life of a whole server."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any, cast

import pytest

from max.serve.config import ServerSettings
from max.serve.model_runner import MAX_START_ATTEMPTS, ModelRunner, in_daemon_thread
from max.serve.model_source import ModelParts, ModelSource
from max.serve.restarts import Restarts
from max.serve.state import ServerState
from max.serve.worker_handle import WorkerStartError
from max.serve.worker_process import WorkerProcess
from tests.serve.waiting_worker import WaitingWorker


def never_called(**_: object) -> Any:
    """As a model's parts are had."""
    raise AssertionError("nobody loads it")


def test_result_comes_back() -> None:
    async def run() -> str:
        return await in_daemon_thread(lambda: threading.current_thread().name)

    assert asyncio.run(run()) == "retrieve-model"


def test_error_comes_back() -> None:
    def fail() -> None:
        raise FileNotFoundError("no config.json")

    async def run() -> None:
        await in_daemon_thread(fail)

    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        asyncio.run(run())


def test_code_that_ends_the_program_does_not_leave_the_loop_waiting() -> None:
    async def run() -> None:
        await in_daemon_thread(lambda: sys.exit(3))

    with pytest.raises(RuntimeError, match=r"sys\.exit\(3\)"):
        asyncio.run(run())


def test_loop_goes_on_and_may_end_before_the_function() -> None:
    release = threading.Event()

    async def run() -> None:
        waiting = asyncio.create_task(in_daemon_thread(release.wait))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(run())
    release.set()


class PanicException(BaseException):
    """As bindings of native libraries raise it."""


def test_panic_comes_back() -> None:
    def panic() -> None:
        raise PanicException("index out of bounds")

    async def run() -> None:
        await in_daemon_thread(panic)

    with pytest.raises(RuntimeError, match="PanicException: index out of bounds"):
        asyncio.run(run())


def test_worker_that_hangs_whenever_it_loads_again_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[WaitingWorker] = []

    def start(*_: object) -> WaitingWorker:
        started.append(WaitingWorker())
        return started[-1]

    monkeypatch.setattr("max.serve.model_runner.WorkerProcess", start)
    monkeypatch.setattr("max.serve.model_runner.load_limit", lambda first_s: 0.01)
    monkeypatch.setattr(Restarts, "pause", lambda restarts, now: 0)
    source = ModelSource("m", retrieve=never_called)
    parts = ModelParts(never_called, never_called, {})
    first = WaitingWorker()

    async def run() -> None:
        state = ServerState(settings=ServerSettings())
        runner = ModelRunner(source, state, cast(WorkerProcess, first))
        with pytest.raises(WorkerStartError, match=r"was not ready within 0\.01 s"):
            await runner._restart(parts)

    asyncio.run(run())
    first.process.kill()
    first.process.join()
    first.end()
    assert len(started) == MAX_START_ATTEMPTS
