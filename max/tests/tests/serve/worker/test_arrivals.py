"""Tests of `max.serve.worker.arrivals`."""

from __future__ import annotations

from max.pipelines.context import GenerationStatus, TextContext, TokenBuffer
from max.serve.context_codec import from_context, joined
from max.serve.messages import Submit
from max.serve.worker.arrivals import Arrivals, Trial


def make_context() -> TextContext:
    return TextContext(tokens=TokenBuffer([1, 2, 3]), max_length=9)


def make_submits(count: int) -> list[Submit]:
    return [from_context(make_context()) for _ in range(count)]


def arrivals_of(submits: list[Submit]) -> Arrivals:
    arrivals = Arrivals()
    for submit in submits:
        arrivals.add(submit)
    return arrivals


def test_all_are_let_in_as_they_came() -> None:
    submits = make_submits(3)
    arrivals = arrivals_of(submits)
    assert list(arrivals.let_in()) == submits
    assert list(arrivals.let_in()) == []


def test_nobody_is_let_in_until_a_trial_is_over() -> None:
    first, second, third = make_submits(3)
    arrivals = arrivals_of([first, second, third])
    suspect = make_context()
    for submit in arrivals.let_in():
        assert submit == first
        arrivals.trial = Trial(suspect, 3)
    assert list(arrivals.let_in()) == []

    for let_in_now in ([], [second, third]):
        suspect.expect_token()
        suspect.tokens.launch()
        suspect.fill(7)
        assert list(arrivals.let_in()) == let_in_now

    assert arrivals.trial is None


def test_trial_of_a_request_that_has_ended_or_is_gone_is_over() -> None:
    for end in ("ended", "gone"):
        first, second = make_submits(2)
        arrivals = arrivals_of([first, second])
        suspect = make_context()
        next(arrivals.let_in())
        arrivals.trial = Trial(suspect, 3)
        if end == "ended":
            suspect.status = GenerationStatus.END_OF_SEQUENCE
        else:
            arrivals.forget(str(suspect.request_id))
        assert list(arrivals.let_in()) == [second]


def test_who_has_gone_meanwhile_is_not_wanted_until_it_comes_again() -> None:
    first, second = make_submits(2)
    together = joined([first, second])
    arrivals = arrivals_of([together])

    arrivals.forget(second.request_id)

    for _ in arrivals.let_in():
        assert arrivals.is_wanted(first.request_id)
        assert not arrivals.is_wanted(second.request_id)
    arrivals.add(second)
    for _ in arrivals.let_in():
        assert arrivals.is_wanted(second.request_id)
