"""Tests of `max.serve.thread_errors`."""

from __future__ import annotations

import asyncio
import logging
import os
import threading

import pytest

from max.serve.thread_errors import note_thread_error, watch_task, watch_threads


def fail() -> None:
    raise ValueError("nobody waits for this")


@pytest.mark.parametrize("end_process", [False, True])
def test_error_that_ends_a_thread_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, end_process: bool
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    watch_threads(end_process=end_process)

    with caplog.at_level(logging.CRITICAL):
        thread = threading.Thread(target=fail, name="lost")
        thread.start()
        thread.join()

    assert "The thread lost ended" in caplog.text
    assert "nobody waits for this" in caplog.text
    assert codes == ([1] if end_process else [])


def test_error_of_a_thread_of_a_pool_is_seen_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    error = ValueError("kept for nobody")
    note_thread_error(error)
    assert seen[0].exc_value is error
    assert seen[0].thread is threading.current_thread()


@pytest.mark.parametrize("ends", ["error", "cancelled", "well"])
def test_error_that_ends_a_task_is_logged(caplog: pytest.LogCaptureFixture, ends: str) -> None:
    async def work() -> None:
        if ends == "error":
            fail()
        if ends == "cancelled":
            raise asyncio.CancelledError

    async def run() -> None:
        task = asyncio.create_task(work())
        watch_task(task, "The work")
        await asyncio.wait([task])

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(run())
    assert ("The work ended with an error" in caplog.text) is (ends == "error")
