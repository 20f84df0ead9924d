"""The peak of memory."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tools.benchmarks.offline.memory import forget_peak, peak_bytes

SIZE = 64 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
def test_a_peak_and_its_end() -> None:
    forget_peak()
    before = peak_bytes()
    np.ones(SIZE, dtype=np.uint8)
    peak = peak_bytes()
    assert peak - before > SIZE // 2
    forget_peak()
    assert peak - peak_bytes() > SIZE // 2
