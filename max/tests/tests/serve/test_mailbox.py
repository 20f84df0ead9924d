"""Tests of `max.serve.mailbox`."""

from __future__ import annotations

import asyncio

import pytest

from max.pipelines.context import GenerationStatus, LogProbabilities
from max.serve.mailbox import ChoiceDelta, Mailbox

ACTIVE, ENDED = GenerationStatus.ACTIVE, GenerationStatus.END_OF_SEQUENCE


def test_what_came_between_two_looks_is_merged_per_choice() -> None:
    async def run() -> list[ChoiceDelta]:
        mailbox = Mailbox()
        mailbox.put(ChoiceDelta(0, [1], ACTIVE))
        mailbox.put(ChoiceDelta(1, [7], ACTIVE))
        mailbox.put(ChoiceDelta(0, [2, 3], ENDED))
        return await mailbox.take()

    assert asyncio.run(run()) == [ChoiceDelta(0, [1, 2, 3], ENDED), ChoiceDelta(1, [7], ACTIVE)]


def test_log_probabilities_are_merged_with_their_tokens() -> None:
    prompt, first, second = (LogProbabilities([-x], [{}]) for x in (1.0, 2.0, 3.0))

    async def run() -> list[ChoiceDelta]:
        mailbox = Mailbox()
        mailbox.put(ChoiceDelta(0, [], ACTIVE, prompt_log_probabilities=[prompt]))
        mailbox.put(ChoiceDelta(0, [1], ACTIVE, log_probabilities=[first]))
        mailbox.put(ChoiceDelta(0, [2], ENDED, log_probabilities=[second]))
        return await mailbox.take()

    (delta,) = asyncio.run(run())
    assert (delta.tokens, delta.log_probabilities) == ([1, 2], [first, second])
    assert delta.prompt_log_probabilities == [prompt]


def test_take_waits_for_something() -> None:
    async def run() -> list[ChoiceDelta]:
        mailbox = Mailbox()
        reader = asyncio.create_task(mailbox.take())
        await asyncio.sleep(0)
        assert not reader.done()
        mailbox.put(ChoiceDelta(0, [5], ACTIVE))
        return await reader

    assert asyncio.run(run()) == [ChoiceDelta(0, [5], ACTIVE)]


def test_nothing_is_given_twice() -> None:
    async def run() -> list[ChoiceDelta]:
        mailbox = Mailbox()
        mailbox.put(ChoiceDelta(0, [1], ACTIVE))
        await mailbox.take()
        mailbox.put(ChoiceDelta(0, [2], ACTIVE))
        return await mailbox.take()

    assert asyncio.run(run()) == [ChoiceDelta(0, [2], ACTIVE)]


@pytest.mark.parametrize("fails_first", [True, False])
def test_failure_reaches_the_reader(fails_first: bool) -> None:
    async def run() -> None:
        mailbox = Mailbox()
        if fails_first:
            mailbox.fail(RuntimeError("gone"))
        reader = asyncio.create_task(mailbox.take())
        await asyncio.sleep(0)
        mailbox.fail(RuntimeError("gone"))
        await reader

    with pytest.raises(RuntimeError, match="gone"):
        asyncio.run(run())


def test_a_reader_that_gave_up_is_not_woken() -> None:
    async def run() -> list[ChoiceDelta]:
        mailbox = Mailbox()
        reader = asyncio.create_task(mailbox.take())
        await asyncio.sleep(0)
        reader.cancel()
        mailbox.put(ChoiceDelta(0, [1], ACTIVE))
        return await mailbox.take()

    assert asyncio.run(run()) == [ChoiceDelta(0, [1], ACTIVE)]
