"""Tests of `max.serve.worker_handle`; `test_worker_faults.py` has its processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest

from max.serve.endpoint_folder import EndpointFolder
from max.serve.messages import FromWorker, Loading, Refused
from max.serve.worker_handle import WorkerHandle
from max.serve.worker_process import WorkerProcess


class Waiting:
    """A process that waits until it is killed, as `multiprocessing` has them."""

    pid = 1
    exitcode = -9

    def __init__(self) -> None:
        self.sentinel, self._writer = os.pipe()

    def kill(self) -> None:
        os.close(self._writer)  # the sentinel becomes readable

    def join(self) -> None:
        os.close(self.sentinel)


class WaitingWorker:
    """`WorkerProcess`, without a process."""

    def __init__(self) -> None:
        self.folder, self.process = EndpointFolder(), Waiting()

    def end(self) -> None:
        self.folder.close()


def test_error_in_one_event_is_reported_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[FromWorker] = []
    phases: list[str] = []
    reported: list[dict[str, Any]] = []

    def take(event: FromWorker) -> None:
        taken.append(event)
        raise KeyError("a bug")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, error: reported.append(error))
        handle = WorkerHandle(take, phases.append, cast(WorkerProcess, WaitingWorker()))
        events = iter([Refused("a", "no"), Refused("b", "no"), Loading("warm up")])
        monkeypatch.setattr(handle._channel, "drain", lambda: events)
        handle._take_events()
        await handle.stop()

    asyncio.run(run())

    assert taken == [Refused("a", "no"), Refused("b", "no")]
    assert phases == ["warm up"]
    assert [type(error["exception"]) for error in reported] == [KeyError, KeyError]


def test_worker_that_sends_what_cannot_be_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def drain() -> Iterator[FromWorker]:
        yield Loading("warm up")
        raise msgspec.DecodeError("a bug")

    reasons: list[str] = []
    phases: list[str] = []

    async def run() -> None:
        worker = cast(WorkerProcess, WaitingWorker())
        handle = WorkerHandle(lambda event: None, phases.append, worker)
        monkeypatch.setattr(handle._channel, "drain", drain)
        monkeypatch.setattr(handle, "end", reasons.append)
        handle._take_events()
        monkeypatch.setattr(handle._channel, "drain", lambda: iter([]))
        await handle.stop()

    asyncio.run(run())
    assert phases == ["warm up"]
    assert reasons == ["the model worker sent what cannot be read: a bug"]
