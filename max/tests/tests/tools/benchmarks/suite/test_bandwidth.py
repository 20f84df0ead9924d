"""The probe of memory."""

from __future__ import annotations

from tools.benchmarks.suite.bandwidth import memory_rate


def test_the_rate_of_memory_is_plausible() -> None:
    # From a slow laptop's share of one channel to the fastest servers of the day.
    assert 0.1 < memory_rate() < 5000
