"""What is made of the times of steps."""

from __future__ import annotations

import pytest

from tools.benchmarks.offline.steps import Step, decode_seconds, first_token_seconds


def make_steps(seconds: list[float], input_tokens: int, output_tokens: int) -> list[Step]:
    return [Step(each, input_tokens, output_tokens) for each in seconds]


def test_the_first_token_comes_after_all_chunks_of_the_prompt() -> None:
    steps = [*make_steps([1.0, 2.0], 256, 0), Step(0.5, 100, 1), Step(9.0, 1, 1)]
    assert first_token_seconds(steps) == 3.5


def test_only_steps_in_which_all_streams_decode_count() -> None:
    mixed = [Step(7.0, 129, 1), Step(8.0, 2, 2), Step(9.0, 3, 2)]
    assert decode_seconds([*mixed, *make_steps([1.0, 3.0], 3, 3)], streams=3) == 2.0


def test_the_median_of_groups_hides_a_burst_but_no_regular_cost() -> None:
    usual = [1.0] * 15 + [17.0]  # a mean of 2
    burst = [100.0] * 16
    rest = [0.0] * 3  # no whole group
    steps = make_steps([*usual, *burst, *usual, *rest], 1, 1)
    assert decode_seconds(steps, streams=1) == pytest.approx(2.0)
