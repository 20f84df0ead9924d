"""Tests of `max.serve.thread_errors`."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from max.serve.thread_errors import watch_threads


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
