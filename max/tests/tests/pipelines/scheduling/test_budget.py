"""How a step's tokens are dealt out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.scheduling.budget import split, split_whole


@pytest.mark.parametrize(
    ("lacking", "shares"),
    [
        ([], []),
        ([3], [3]),
        ([12], [10]),
        ([4, 4, 4], [4, 4, 0]),
        ([12, 12], [10, 0]),
        # Behind a long one, a short one has the other half, or as much of it as it needs.
        ([100, 3], [5, 3]),
        ([100, 60], [5, 5]),
        # The shortest goes first, but for the half of the oldest.
        ([100, 60, 4], [5, 0, 4]),
        ([60, 100, 3], [5, 0, 3]),
        # More than half of the tokens is left for others: it is not left lying.
        ([2, 100, 60], [2, 0, 8]),
        ([5, 100], [5, 5]),
        ([6, 100], [6, 0]),
        # Those who lack one token come before all.
        ([1, 100, 1, 3, 1], [1, 4, 1, 3, 1]),
        ([100, *[1] * 9], [1] * 10),
    ],
)
def test_half_is_the_oldest_s_and_the_rest_goes_to_the_shortest(
    lacking: list[int], shares: list[int]
) -> None:
    assert split(lacking, 10) == shares


@pytest.mark.parametrize(
    ("lacking", "used", "shares"),
    [
        # The oldest has its half; the rest goes to who has used less, not to the shortest.
        ([100, 3, 60], [9, 9, 1], [5, 0, 5]),
        ([100, 3, 60], [9, 1, 9], [5, 3, 0]),
        ([100, 3, 60, 2], [9, 9, 1, 1], [5, 0, 0, 2]),
        ([100, 3, 60], [1, 9, 9], [10, 0, 0]),
        # Who lacks one token has it, whatever it used.
        ([1, 100, 3], [99, 9, 1], [1, 5, 3]),
    ],
)
def test_the_rest_goes_to_the_client_that_used_least(
    lacking: list[int], used: list[float], shares: list[int]
) -> None:
    assert split(lacking, 10, used) == shares


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(1, 50), max_size=8), st.integers(8, 40))
def test_a_step_that_is_to_be_filled_is(lacking: list[int], tokens: int) -> None:
    shares = split(lacking, tokens, fill=True)
    assert sum(shares) == min(tokens, sum(lacking))
    assert all(0 <= share <= wanted for share, wanted in zip(shares, lacking, strict=True))
    assert all(share for share, wanted in zip(shares, lacking, strict=True) if wanted == 1)


@settings(deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(1, 50), max_size=8), st.integers(8, 40))
def test_little_is_left_while_somebody_lacks_tokens(lacking: list[int], tokens: int) -> None:
    shares = split(lacking, tokens)
    assert all(0 <= share <= wanted for share, wanted in zip(shares, lacking, strict=True))
    if sum(shares) < min(tokens, sum(lacking)):
        assert sum(shares) > tokens / 2
        complete = [share for share, wanted in zip(shares, lacking, strict=True) if share == wanted]
        assert max(complete) > 1
    assert all(share for share, wanted in zip(shares, lacking, strict=True) if wanted == 1)
    prompts = [index for index, wanted in enumerate(lacking) if wanted > 1]
    rest = tokens - lacking.count(1)
    assert all(shares[oldest] >= min(lacking[oldest], rest / 2) for oldest in prompts[:1])


@pytest.mark.parametrize(
    ("lacking", "shares"),
    [
        ([], []),
        ([4, 6], [4, 6]),
        ([4, 7, 1], [4, 0, 0]),
        ([1, 11, 1], [1, 0, 0]),
        # Longer than there can be.
        ([25, 1], [25, 0]),
        ([1, 25], [1, 0]),
    ],
)
def test_without_chunking_the_first_that_does_not_fit_holds_up_the_rest(
    lacking: list[int], shares: list[int]
) -> None:
    assert split_whole(lacking, 10) == shares


def test_a_part_that_completes_a_prompt_is_added_however_few_tokens_are_left() -> None:
    assert split([6, 2, 2], 10) == [6, 2, 2]
