"""Tests of `max.serve.model_runner`; `test_server.py` has the life of a whole server."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from max.serve.model_runner import in_daemon_thread


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
