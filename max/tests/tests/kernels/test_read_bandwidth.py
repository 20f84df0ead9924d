"""The bandwidth probe."""

from __future__ import annotations

from max.kernels.read_bandwidth import read_bandwidth


def test_a_rate_that_memory_can_have() -> None:
    rate = read_bandwidth(megabytes=4, repetitions=2)
    assert rate is not None
    # No machine reads a megabyte in a second, or all of 4 MiB in 100 ns.
    assert 1e6 < rate < 4 * 2**20 / 100e-9
