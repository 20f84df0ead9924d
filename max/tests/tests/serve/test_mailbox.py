"""Tests of `max.serve.mailbox`."""

from __future__ import annotations

import asyncio

import pytest

from max.pipelines.context import GenerationStatus, LogProbabilities
from max.serve.answer_size import HELD_BYTES_PER_SCORE
from max.serve.errors import ApiError
from max.serve.leaving import LeavingBytes
from max.serve.mailbox import SCORED_AT_ONCE, TOKENS_AT_ONCE, ChoiceDelta, Mailbox

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


def scored(index: int, tokens: list[int], alternatives: int = 1) -> ChoiceDelta:
    """Tokens with their log probabilities and those of others."""
    best = dict.fromkeys(range(alternatives), -2.0)
    runs = [LogProbabilities([-float(token)], [best]) for token in tokens]
    return ChoiceDelta(index, tokens, ACTIVE, log_probabilities=runs)


@pytest.mark.parametrize("has_scores", [True, False])
def test_much_is_given_in_parts_between_which_others_get_their_turn(has_scores: bool) -> None:
    at_once = SCORED_AT_ONCE if has_scores else TOKENS_AT_ONCE
    turns: list[int] = []
    seen: list[int] = []

    async def run() -> list[list[ChoiceDelta]]:
        mailbox = Mailbox()
        for index, length in enumerate([1, at_once + 1, 2 * at_once - 2]):
            tokens = list(range(length))
            mailbox.put(scored(index, tokens) if has_scores else ChoiceDelta(index, tokens, ACTIVE))
        mailbox.put(ChoiceDelta(2, [], ENDED))
        parts: list[list[ChoiceDelta]] = []
        for _ in range(3):
            asyncio.get_running_loop().call_soon(turns.append, len(parts))
            parts.append(await mailbox.take())
            seen.append(len(turns))
        return parts

    first, second, third = asyncio.run(run())

    assert seen == [0, 2, 3]  # The first part is there at once.
    assert [
        [(each.index, len(each.tokens)) for each in part] for part in (first, second, third)
    ] == [
        [(0, 1), (1, at_once - 1)],
        [(1, 2), (2, at_once - 2)],
        [(2, at_once)],
    ]
    assert [each.status for each in (*first, *second, *third)] == [ACTIVE] * 4 + [ENDED]
    assert first[1].tokens + second[0].tokens == list(range(at_once + 1))
    assert second[1].tokens + third[0].tokens == list(range(2 * at_once - 2))
    for part in (first, second, third):
        for delta in part:
            scores = [-float(token) for token in delta.tokens] if has_scores else []
            found = [run.token_log_probabilities[0] for run in delta.log_probabilities]
            assert found == scores


def test_prompt_comes_with_the_first_part() -> None:
    prompt = LogProbabilities([-1.0], [{}])

    async def run() -> list[ChoiceDelta]:
        mailbox = Mailbox()
        mailbox.put(ChoiceDelta(0, [], ACTIVE, 128, prompt_log_probabilities=[prompt]))
        mailbox.put(scored(0, [1] * (SCORED_AT_ONCE + 1)))
        return [*await mailbox.take(), *await mailbox.take()]

    first, second = asyncio.run(run())

    assert (first.prompt_log_probabilities, second.prompt_log_probabilities) == ([prompt], [])
    assert first.cached_tokens == 128


def test_log_probabilities_count_until_they_are_taken_and_what_its_reader_keeps() -> None:
    leaving = LeavingBytes()

    async def run() -> None:
        mailbox = Mailbox(leaving)
        prompt = LogProbabilities([-1.0, -2.0], [{}, {7: -1.0}])
        mailbox.put(ChoiceDelta(0, [], ACTIVE, prompt_log_probabilities=[prompt]))
        mailbox.put(scored(0, [1, 2], alternatives=4))
        assert leaving.total == (3 + 2 * 5) * HELD_BYTES_PER_SCORE
        await mailbox.take()
        assert leaving.total == 0
        mailbox.hold(1000)
        mailbox.put(scored(0, [3], alternatives=0))
        assert leaving.total == 1000 + HELD_BYTES_PER_SCORE
        mailbox.close()
        assert leaving.total == 0

    asyncio.run(run())


def test_the_largest_fails_when_all_take_too_much() -> None:
    leaving = LeavingBytes(10 * HELD_BYTES_PER_SCORE)

    async def run() -> None:
        small, large = Mailbox(leaving), Mailbox(leaving)
        large.put(scored(0, [1] * 6, alternatives=0))
        small.put(scored(0, [2] * 4, alternatives=0))
        small.put(scored(0, [3], alternatives=0))

        assert [delta.tokens for delta in await small.take()] == [[2, 2, 2, 2, 3]]
        with pytest.raises(ApiError, match="--max-leaving-bytes") as caught:
            await large.take()
        assert caught.value.status == 503

        large.put(scored(0, [1] * 6, alternatives=0))  # What still comes is not kept.
        assert leaving.total == 0

    asyncio.run(run())


def test_failed_one_takes_nothing() -> None:
    leaving = LeavingBytes()
    mailbox = Mailbox(leaving)
    mailbox.put(scored(0, [1]))

    mailbox.fail(RuntimeError("gone"))
    mailbox.put(scored(0, [2]))

    assert leaving.total == 0
