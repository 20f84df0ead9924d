"""Tests of `max.serve.leaving`."""

from __future__ import annotations

import asyncio
import logging

import pytest

from max.serve.leaving import LeavingBytes
from max.serve.memory import LARGE


class Answer:
    """Somebody who remembers why it gave up."""

    def __init__(self, leaving: LeavingBytes, size: int = 0) -> None:
        self.given_up: list[int] = []
        leaving.hold(self, size)

    def give_up(self, most: int) -> None:
        self.given_up.append(most)


def test_the_largest_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    leaving = LeavingBytes(100)
    small, large = Answer(leaving, 30), Answer(leaving, 60)
    leaving.hold(small, 10)
    assert not caplog.records

    with caplog.at_level(logging.WARNING):
        leaving.hold(small, 1)

    assert (small.given_up, large.given_up) == ([], [100])
    assert leaving.total == 41
    assert "--max-leaving-bytes" in caplog.text


def test_several_give_up_until_it_is_not_too_much() -> None:
    leaving = LeavingBytes(100)
    answers = [Answer(leaving, size) for size in (40, 30, 20, 200)]

    assert [bool(each.given_up) for each in answers] == [False, False, False, True]

    leaving.hold(answers[2], 75)  # 95, the largest
    assert [bool(each.given_up) for each in answers] == [False, False, True, True]
    assert leaving.total == 70


def test_who_has_less_makes_room() -> None:
    leaving = LeavingBytes(100)
    first, second = Answer(leaving, 60), Answer(leaving, 40)
    leaving.release(first, 20)
    leaving.release(second)

    leaving.hold(second, 60)

    assert leaving.total == 100
    assert not first.given_up and not second.given_up


def test_nothing_is_released_twice() -> None:
    leaving = LeavingBytes(100)
    first, second = Answer(leaving, 60), Answer(leaving, 40)
    leaving.release(first, 70)
    leaving.release(first)

    assert leaving.total == 40
    leaving.release(second)
    assert leaving.total == 0


@pytest.mark.parametrize(("size", "trims"), [(LARGE - 1, 0), (LARGE, 1)])
def test_memory_of_large_ones_is_given_back(
    monkeypatch: pytest.MonkeyPatch, size: int, trims: int
) -> None:
    freed: list[float] = []

    async def run() -> None:
        leaving = LeavingBytes(10 * LARGE)
        answer = Answer(leaving, size + 5)
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "call_later", lambda delay, *_: freed.append(delay))
        leaving.release(answer, 5)
        leaving.release(answer, size)

    asyncio.run(run())

    assert len(freed) == trims
