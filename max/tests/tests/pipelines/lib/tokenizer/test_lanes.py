"""Tests of `max.pipelines.lib.tokenizer.lanes`."""

from __future__ import annotations

import asyncio
import threading

import pytest

from max.pipelines.lib.tokenizer.lanes import rendering, tokenizing
from max.pipelines.modeling.types import TextGenerationRequestMessage

HELLO = TextGenerationRequestMessage("user", "hello")


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


@pytest.mark.parametrize(
    ("messages", "variables"),
    [
        ([HELLO] * 2000, ()),
        ([TextGenerationRequestMessage("user", "a" * 100_000)], ()),
        ([TextGenerationRequestMessage("user", [{"type": "text", "text": "a"}] * 2000)], ()),
        ([HELLO], ([{"function": {"description": "a" * 100_000}}],)),
        ([HELLO], ([], {"a": {"b": [0] * 100_000}})),
    ],
)
def test_a_short_conversation_does_not_wait_for_a_long_one(
    messages: list[TextGenerationRequestMessage], variables: tuple[object, ...]
) -> None:
    finish = threading.Event()

    async def ask() -> str:
        long = asyncio.create_task(rendering(finish.wait, messages, *variables))
        await asyncio.sleep(0)
        short = await rendering(lambda: "short", [HELLO] * 20, [{"a": "b" * 1000}], {})
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
