"""Random numbers are a function of seed and position, and look random over both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from max.pipelines.sampling.counter_rng import splitmix64, uniform

GOLDEN_GAMMA = 0x9E3779B97F4A7C15


def test_known_outputs() -> None:
    """The first outputs for seed 1234567, as Rosetta Code lists them for SplitMix64."""
    states = [1234567 + n * GOLDEN_GAMMA for n in range(3)]
    assert [splitmix64(state) for state in states] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_numbers_are_in_range_and_repeatable(seed: int) -> None:
    numbers = [uniform(seed, position) for position in range(1000)]
    assert all(0 <= number < 1 for number in numbers)
    assert numbers == [uniform(seed, position) for position in range(1000)]
    assert len(set(numbers)) == 1000


@pytest.mark.parametrize("along", ["positions", "seeds"])
def test_numbers_are_uniform(along: str, assert_fits: Callable[..., None]) -> None:
    points = range(100_000)
    numbers = [uniform(7, n) if along == "positions" else uniform(n, 7) for n in points]
    counts, _ = np.histogram(numbers, bins=100, range=(0, 1))
    assert_fits(counts.tolist(), [0.01] * 100)


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_neighbours_are_independent(
    step: tuple[int, int], assert_fits: Callable[..., None]
) -> None:
    """Pairs of numbers whose seed, position or both are next to each other."""
    points = [(seed, position) for seed in range(300) for position in range(1, 301)]
    here = [uniform(seed, position) for seed, position in points]
    there = [uniform(seed + step[0], position + step[1]) for seed, position in points]
    counts, _, _ = np.histogram2d(here, there, bins=10, range=((0, 1), (0, 1)))
    assert_fits(counts.astype(int).ravel().tolist(), [0.01] * 100)
