"""Tests of `max.serve.restarts`."""

from __future__ import annotations

from max.serve.restarts import LONGEST_PAUSE_S, Restarts


def restarted_at(*times: float) -> Restarts:
    restarts = Restarts()
    for number, time in enumerate(times):
        restarts.add(time, f"reason {number}")
    return restarts


def test_three_within_a_minute_are_a_problem_that_tells_the_last_reason() -> None:
    assert restarted_at(0, 30).problem(now=59) is None

    problem = restarted_at(0, 30, 59).problem(now=59)

    assert problem is not None
    assert "3 times within 60 s" in problem
    assert "reason 2" in problem


def test_a_minute_later_all_is_well_again() -> None:
    restarts = restarted_at(0, 30, 59)

    assert restarts.seconds_left(now=59) == 1
    assert restarts.problem(now=60) is None
    assert restarts.seconds_left(now=60) == 0
    assert restarts.total == 3


def test_health_comes_back_when_all_but_two_are_a_minute_ago() -> None:
    restarts = restarted_at(0, 10, 20, 30, 40)

    # Of five, the third last leaves the window at 80.
    assert restarts.seconds_left(now=45) == 35
    assert restarts.problem(now=79.9) is not None
    assert restarts.problem(now=80) is None


def test_pauses_grow_once_there_are_too_many() -> None:
    pauses = [restarted_at(*[0.0] * number).pause(now=0) for number in (1, 3, 4, 5, 6, 20)]

    assert pauses == [0, 0, 1, 2, 4, LONGEST_PAUSE_S]
