"""Tests of `max.serve.engine_watch`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from max.serve import engine_watch
from max.serve.engine_client import EngineClient
from max.serve.engine_watch import MOST_STEPS, EngineWatch
from max.serve.messages import Inspect, Inspection, Report
from max.serve.telemetry.worker_stats import EngineLoad, StepStats, WorkerStats
from tests.serve.fake_worker import Commands

LOAD = EngineLoad(1, 2, 3, 4)
SEEN = Inspection(LOAD, [], 128, 1, b"\0\1\2\3")


def make_stats(count: int = 1) -> WorkerStats:
    return WorkerStats([StepStats(1, 1, 0, 0, 1, 0, 0, 0.0, 0.001, 0, 0, [])] * count, LOAD)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def look(watch: EngineWatch, answer: Inspection | None) -> Inspection | None:
    """Looks; the worker answers at once."""
    looking = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    watch.take(answer)
    return await looking


def test_nothing_is_asked_or_kept_while_nobody_looks() -> None:
    async def test() -> None:
        commands = Commands()
        client = EngineClient()
        client.connect(commands, max_batch_size=8)
        client.handle(Report(make_stats()))
        assert commands.sent == []
        assert client.watch.steps_after(0) == []

    run(test())


def test_a_look_brings_what_the_worker_says_and_the_steps_from_then_on() -> None:
    async def test() -> None:
        commands = Commands()
        client = EngineClient()
        client.connect(commands, max_batch_size=8)
        looking = asyncio.create_task(client.watch.look())
        await asyncio.sleep(0)
        assert commands.sent == [Inspect()]
        client.handle(SEEN)
        assert await looking == SEEN
        client.handle(Report(make_stats(3)))
        assert [step.number for step in client.watch.steps_after(1)] == [2, 3]

    run(test())


def test_several_who_look_ask_once() -> None:
    async def test() -> None:
        asked: list[Inspect] = []
        watch = EngineWatch(asked.append)
        looking = [asyncio.create_task(watch.look()) for _ in range(5)]
        await asyncio.sleep(0)
        watch.take(SEEN)
        assert await asyncio.gather(*looking) == [SEEN] * 5
        # What is fresh is not asked for again.
        assert await watch.look() == SEEN
        assert len(asked) == 1

    run(test())


def test_a_worker_that_is_busy_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_watch, "PATIENCE_S", 0.01)
    monkeypatch.setattr(engine_watch, "FRESH_S", 0.0)

    async def test() -> None:
        asked: list[Inspect] = []
        watch = EngineWatch(asked.append)
        assert await look(watch, SEEN) == SEEN
        assert await watch.look() == SEEN
        assert await watch.look() == SEEN
        # The second question is still open.
        assert len(asked) == 2

    run(test())


def test_a_worker_that_dies_holds_nobody_up() -> None:
    async def test() -> None:
        client = EngineClient()
        client.connect(Commands(), max_batch_size=8)
        looking = asyncio.create_task(client.watch.look())
        await asyncio.sleep(0)
        client.disconnect({}, "it died", killed=True)
        assert await looking is None

    run(test())


def test_the_next_worker_is_asked_by_who_looked_while_there_was_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_watch, "PATIENCE_S", 0.01)
    monkeypatch.setattr(engine_watch, "FRESH_S", 0.0)

    async def test() -> None:
        client = EngineClient()
        assert await client.watch.look() is None
        commands = Commands()
        client.connect(commands, max_batch_size=8)
        assert await client.watch.look() is None
        assert commands.sent == [Inspect()]

    run(test())


def test_who_looks_away_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_watch, "LOOK_S", 0.0)

    async def test() -> None:
        watch = EngineWatch(lambda message: None)
        await look(watch, SEEN)
        await asyncio.sleep(0.01)
        watch.observe(make_stats())
        assert watch.steps_after(0) == []

    run(test())


def test_steps_that_are_kept_are_bounded() -> None:
    async def test() -> None:
        watch = EngineWatch(lambda message: None)
        await look(watch, SEEN)
        watch.observe(make_stats(2 * MOST_STEPS))
        assert len(watch.steps_after(0)) == MOST_STEPS

    run(test())
