"""Distributions of lengths."""

from __future__ import annotations

import numpy as np
import pytest

from max.benchmark.lengths import parse_lengths


def make_generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_fixed_length() -> None:
    assert parse_lengths(" 128 ").sample(make_generator(), 3) == [128, 128, 128]


def test_uniform_lengths_reach_both_ends() -> None:
    assert set(parse_lengths("3:5").sample(make_generator(), 200)) == {3, 4, 5}


def test_normal_lengths_have_their_mean_and_deviation() -> None:
    drawn = np.array(parse_lengths("normal:128,32").sample(make_generator(), 4000))
    # The mean of 4000 draws has a standard error of 32 / sqrt(4000) = 0.5.
    assert abs(drawn.mean() - 128) < 2.5
    assert abs(drawn.std() - 32) < 2


def test_no_length_is_below_one() -> None:
    assert min(parse_lengths("normal:1,50").sample(make_generator(), 200)) == 1


@pytest.mark.parametrize("text", ["128", "64:256", "normal:128,32", "normal:99.5,0"])
def test_they_are_written_as_they_are_read(text: str) -> None:
    assert str(parse_lengths(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-3",
        "5:3",
        "0:4",
        "1:2:3",
        "normal:0,1",
        "normal:10",
        "normal:10,-1",
        "normal:nan,1",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a distribution of lengths"):
        parse_lengths(text)


@pytest.mark.parametrize(
    ("documented", "ours"), [("DU(64,256)", "64:256"), ("N(128, 32)", "normal:128,32")]
)
def test_documented_forms(documented: str, ours: str) -> None:
    assert str(parse_lengths(documented)) == ours
