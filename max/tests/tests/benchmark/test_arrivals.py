"""When requests arrive."""

from __future__ import annotations

import numpy as np
import pytest

from max.benchmark.arrivals import arrivals


def test_an_infinite_rate_is_all_at_once() -> None:
    assert arrivals(3, float("inf"), 0) == [0.0, 0.0, 0.0]


def test_the_seed_decides() -> None:
    assert arrivals(10, 2.0, 7) == arrivals(10, 2.0, 7)
    assert arrivals(10, 2.0, 7) != arrivals(10, 2.0, 8)


def test_gaps_are_those_of_a_poisson_process() -> None:
    times = arrivals(5001, 4.0, 0)
    gaps = np.diff(times)
    assert times[0] == 0
    assert (gaps > 0).all()
    # Exponential gaps: mean and standard deviation are both 1 / rate; standard error 0.25 / 71.
    assert abs(gaps.mean() - 0.25) < 0.02
    assert abs(gaps.std() - 0.25) < 0.03


def test_no_arrivals() -> None:
    assert arrivals(0, 1.0, 0) == []


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="the request rate is 0"):
        arrivals(1, 0, 0)


def test_burstiness_keeps_the_rate_and_changes_the_spread() -> None:
    for burstiness in (0.25, 4.0):
        gaps = np.diff(arrivals(20001, 4.0, 0, burstiness))
        # Gamma: the deviation is mean / sqrt(shape); the standard errors are below 3 %.
        assert abs(gaps.mean() * 4 - 1) < 0.05
        assert abs(gaps.std() * 4 * burstiness**0.5 - 1) < 0.1
