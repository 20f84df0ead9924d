"""Tests of `max.serve.worker_handle`; `test_worker_faults.py` has its processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from max.serve.messages import FromWorker, Loading, Refused
from max.serve.worker_handle import WorkerHandle


class Events:
    """A channel that has some events once."""

    def __init__(self, *events: FromWorker) -> None:
        self._events = list(events)

    def drain(self) -> Iterator[FromWorker]:
        while self._events:
            yield self._events.pop(0)

    def close(self) -> None:
        pass


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
        handle = WorkerHandle(take, phases.append)
        handle._channel.close()
        events = Events(Refused("a", "no"), Refused("b", "no"), Loading("warm up"))
        monkeypatch.setattr(handle, "_channel", events)
        handle._take_events()
        await handle.stop()

    asyncio.run(run())

    assert taken == [Refused("a", "no"), Refused("b", "no")]
    assert phases == ["warm up"]
    assert [type(error["exception"]) for error in reported] == [KeyError, KeyError]


def test_worker_that_sends_what_cannot_be_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreadable(Events):
        def drain(self) -> Iterator[FromWorker]:
            yield from super().drain()
            raise msgspec.DecodeError("a bug")

    reasons: list[str] = []
    phases: list[str] = []

    async def run() -> None:
        handle = WorkerHandle(lambda event: None, phases.append)
        handle._channel.close()
        monkeypatch.setattr(handle, "_channel", Unreadable(Loading("warm up")))
        monkeypatch.setattr(handle, "end", reasons.append)
        handle._take_events()
        await handle.stop()

    asyncio.run(run())
    assert phases == ["warm up"]
    assert reasons == ["the model worker sent what cannot be read: a bug"]
