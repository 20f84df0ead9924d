"""When requests arrive."""

from __future__ import annotations

import math

import numpy as np


def poisson_arrivals(count: int, rate: float, seed: int) -> list[float]:
    """Arrival times, in seconds from the start, of a Poisson process; the first one is at 0.

    Args:
        count: number of arrivals.
        rate: mean arrivals per second; infinity means all at once.
        seed: the same seed gives the same times.

    Raises:
        ValueError: if the rate is not positive.
    """
    if not rate > 0:
        raise ValueError(
            f"the request rate is {rate}; it has to be above 0, or inf for all at once"
        )
    if math.isinf(rate):
        return [0.0] * count
    gaps = np.random.default_rng(seed).exponential(1 / rate, count)
    gaps[:1] = 0
    return [float(time) for time in np.cumsum(gaps)]
