"""Tests of `max.serve.throughput`."""

from __future__ import annotations

from max.serve.throughput import LONGEST_WAIT_S, UNKNOWN_WAIT_S, CompletionRate


def completed_at(*times: float) -> CompletionRate:
    rate = CompletionRate()
    for time in times:
        rate.add(time)
    return rate


def test_waiting_time_follows_from_what_was_finished_lately() -> None:
    # 4 in 8 seconds: one each 2 seconds.
    rate = completed_at(0, 1, 2, 3)

    assert rate.seconds_for(5, now=8) == 10


def test_long_ago_does_not_count() -> None:
    rate = completed_at(0, 0, 0, 100, 101)

    # 2 in 4 seconds.
    assert rate.seconds_for(3, now=104) == 6


def test_unknown_rate_and_bounds() -> None:
    assert CompletionRate().seconds_for(10, now=0) == UNKNOWN_WAIT_S
    assert completed_at(0, 50).seconds_for(1000, now=50) == LONGEST_WAIT_S
    assert completed_at(0, 0.1).seconds_for(1, now=0.2) == 1
