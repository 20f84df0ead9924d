"""Tests of `max.serve.worker_handle`; `test_worker_faults.py` has its processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import msgspec
import pytest
import zmq

from max.serve.messages import FromWorker, Loading, Refused
from max.serve.worker_handle import WorkerHandle, WorkerStartError, take_all
from max.serve.worker_process import WorkerProcess
from tests.serve.waiting_worker import WaitingWorker


class Panic(BaseException):
    """As native libraries raise it."""


@pytest.mark.parametrize("error", [KeyError, Panic])
def test_nothing_is_taken_behind_an_event_that_is_lost(
    caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    """An answer would lack tokens in its middle; and who waited for them would wait for ever."""
    taken: list[FromWorker] = []

    def take(event: FromWorker) -> None:
        taken.append(event)
        if isinstance(event, Refused):
            raise error("a bug")

    events: list[FromWorker] = [Loading("read"), Refused("a", "no"), Refused("b", "no")]
    problem = take_all(iter(events), take)

    assert taken == events[:2]
    assert problem is not None and "Refused" in problem and error.__name__ in problem
    assert "What the model worker sent is lost: Refused" in caplog.text
    assert take_all(iter([Loading("warm up")]), take) is None


def test_worker_whose_event_is_lost_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    phases: list[str] = []

    async def run() -> str:
        def take(event: FromWorker) -> None:
            raise KeyError("a bug")

        handle = WorkerHandle(take, phases.append, cast(WorkerProcess, WaitingWorker()))
        monkeypatch.setattr(handle._channel, "drain", lambda: iter([Refused("a", "no")]))
        handle._take_events()
        monkeypatch.setattr(handle._channel, "drain", lambda: iter([Loading("never")]))
        handle._take_events()
        with pytest.raises(WorkerStartError, match="While the model was loading, its Refused met"):
            await handle.ready
        assert await handle.exited == -9
        await handle.stop()
        return handle.ended_because or ""

    assert "KeyError" in asyncio.run(run())
    assert phases == []


@pytest.mark.parametrize("kind", [msgspec.DecodeError, RecursionError, zmq.ZMQError])
def test_worker_that_sends_what_cannot_be_read_is_ended(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def drain() -> Iterator[FromWorker]:
        yield Loading("warm up")
        raise kind("a bug")

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


def test_others_get_their_turn_between_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event takes 4 ms here; after 10 it is somebody else's turn."""
    order: list[str] = []
    now = [0.0]

    def take(event: FromWorker) -> None:
        assert isinstance(event, Refused)
        order.append(event.request_id)
        now[0] += 0.004

    async def run() -> None:
        loop = asyncio.get_running_loop()
        handle = WorkerHandle(take, lambda phase: None, cast(WorkerProcess, WaitingWorker()))
        monkeypatch.setattr(loop, "time", lambda: now[0])
        events = iter([Refused(str(number), "no") for number in range(7)])
        monkeypatch.setattr(handle._channel, "drain", lambda: events)
        loop.call_soon(handle._take_events)
        loop.call_soon(order.append, "other")
        for _ in range(4):
            await asyncio.sleep(0)
        monkeypatch.undo()
        await handle.stop()

    asyncio.run(run())

    assert order == ["0", "1", "2", "other", "3", "4", "5", "6"]


def test_all_that_a_worker_said_is_taken_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[FromWorker] = []
    now = [0.0]

    def take(event: FromWorker) -> None:
        taken.append(event)
        now[0] += 1

    async def run() -> None:
        loop = asyncio.get_running_loop()
        handle = WorkerHandle(take, lambda phase: None, cast(WorkerProcess, WaitingWorker()))
        monkeypatch.setattr(loop, "time", lambda: now[0])
        events = iter([Refused(str(number), "no") for number in range(5)])
        monkeypatch.setattr(handle._channel, "drain", lambda: events)
        handle.end("a test")
        await handle.exited
        assert len(taken) == 5
        monkeypatch.undo()
        await handle.stop()

    asyncio.run(run())


def test_rest_is_not_taken_from_one_that_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[FromWorker] = []
    now = [0.0]

    def take(event: FromWorker) -> None:
        taken.append(event)
        now[0] += 1

    async def run() -> None:
        loop = asyncio.get_running_loop()
        handle = WorkerHandle(take, lambda phase: None, cast(WorkerProcess, WaitingWorker()))
        handle.end("a test")
        await handle.exited
        monkeypatch.setattr(loop, "time", lambda: now[0])
        events = iter([Refused(str(number), "no") for number in range(5)])
        monkeypatch.setattr(handle._channel, "drain", lambda: events)
        handle._take_events()
        await handle.stop()
        await asyncio.sleep(0)
        monkeypatch.undo()

    asyncio.run(run())

    assert len(taken) == 1


def test_worker_that_hangs_while_it_loads_is_ended() -> None:
    async def run() -> None:
        handle = WorkerHandle(print, print, cast(WorkerProcess, WaitingWorker()))
        with pytest.raises(WorkerStartError, match=r"was not ready within 0\.01 s"):
            await handle.ready_within(0.01)
        await handle.exited
        assert handle.ended_because is not None
        await handle.stop()

    asyncio.run(run())
