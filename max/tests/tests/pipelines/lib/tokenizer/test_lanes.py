"""Tests of `max.pipelines.lib.tokenizer.lanes`."""

from __future__ import annotations

import asyncio
import threading

from max.pipelines.lib.tokenizer.lanes import tokenizing


def test_short_work_does_not_wait_for_long_work() -> None:
    finish = threading.Event()

    async def ask() -> str:
        long = asyncio.create_task(tokenizing(finish.wait, 1_000_000))
        short = await tokenizing(lambda: "short", 3_000)
        assert not long.done()
        finish.set()
        await long
        return short

    assert asyncio.run(ask()) == "short"


def test_work_whose_caller_has_gone_is_not_begun() -> None:
    finish, begun = threading.Event(), []

    async def ask() -> None:
        running = asyncio.create_task(tokenizing(finish.wait, 1_000_000))
        waiting = asyncio.create_task(tokenizing(lambda: begun.append("left"), 1_000_000))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        finish.set()
        await running
        await tokenizing(lambda: begun.append("later"), 1_000_000)

    asyncio.run(ask())
    assert begun == ["later"]
