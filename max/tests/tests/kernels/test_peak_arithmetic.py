"""Measuring the peak of the arithmetic."""

from __future__ import annotations

import pytest
import torch

from max.kernels.peak_arithmetic import peak_arithmetic, run_peak_arithmetic
from max.kernels.peak_arithmetic.measure import _CHUNKS, _STEPS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8])
def test_the_peak_is_a_rate(dtype: torch.dtype) -> None:
    # Built with sanitizers, on a busy machine, it is slow.
    assert 1e6 < peak_arithmetic(dtype) < 1e15


def test_narrow_elements_are_more_per_vector() -> None:
    counts = [run_peak_arithmetic(dtype) for dtype in (torch.float32, torch.bfloat16, torch.int8)]
    assert counts[1] == 2 * counts[0] and counts[2] == 4 * counts[0]
    assert counts[0] % (2 * _CHUNKS * _STEPS) == 0
