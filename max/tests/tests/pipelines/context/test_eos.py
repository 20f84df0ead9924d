"""End tokens count from the right token on."""

from __future__ import annotations

import pytest

from max.pipelines.context import EOSTracker

EOS, STOP, OTHER = 1, 2, 3


def make_tracker(*, ignore_eos: bool = False, min_new_tokens: int = 0) -> EOSTracker:
    """One end token of the model, one of the request."""
    return EOSTracker(
        eos_token_ids=frozenset({EOS}),
        stop_token_ids=frozenset({STOP}),
        ignore_eos=ignore_eos,
        min_new_tokens=min_new_tokens,
    )


@pytest.mark.parametrize(
    ("token", "ignore_eos", "expected"),
    [
        (EOS, False, True),
        (STOP, False, True),
        (OTHER, False, False),
        (EOS, True, False),
        (STOP, True, True),
    ],
)
def test_end_tokens(token: int, ignore_eos: bool, expected: bool) -> None:
    tracker = make_tracker(ignore_eos=ignore_eos)
    assert tracker.is_end(token, 1) is expected
    assert (token in tracker.end_token_ids) is expected


@pytest.mark.parametrize(("generated_length", "expected"), [(1, False), (2, False), (3, True)])
def test_no_end_before_the_fewest_tokens(generated_length: int, expected: bool) -> None:
    assert make_tracker(min_new_tokens=2).is_end(EOS, generated_length) is expected


@pytest.mark.parametrize(
    ("generated_length", "forbidden"), [(0, {EOS, STOP}), (1, {EOS, STOP}), (2, set())]
)
def test_tokens_that_would_end_too_early_are_forbidden(
    generated_length: int, forbidden: set[int]
) -> None:
    assert make_tracker(min_new_tokens=2).forbidden_next(generated_length) == forbidden


def test_ignored_end_tokens_are_not_forbidden() -> None:
    assert make_tracker(ignore_eos=True, min_new_tokens=2).forbidden_next(0) == {STOP}
