"""Tests of `max.serve.hang_watch`."""

from __future__ import annotations

import asyncio

import pytest

from max.serve.hang_watch import hang_limit, load_limit, until_hung


@pytest.mark.parametrize(("slowest", "limit"), [(0, 60), (6, 60), (10, 100), (1000, 600)])
def test_limit_follows_the_slowest_step(slowest: float, limit: float) -> None:
    assert hang_limit(slowest) == limit


@pytest.mark.parametrize(("first", "limit"), [(0, 600), (60, 600), (90, 900)])
def test_limit_of_a_load_follows_the_first_one(first: float, limit: float) -> None:
    assert load_limit(first) == limit


def test_worker_without_progress_hangs() -> None:
    async def busy() -> None:
        pass

    states = iter([1, 2, 2, 3, 3, 3])
    asyncio.run(until_hung(busy, lambda: next(states), 0))
    # Looked at before and after each pause: 1 and 2, then 2 and 3, then 3 and 3.
    assert [*states] == []


def test_nothing_is_looked_at_while_there_is_nothing_to_do() -> None:
    async def watch() -> None:
        await asyncio.wait_for(until_hung(asyncio.Event().wait, pytest.fail, 0), 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(watch())
