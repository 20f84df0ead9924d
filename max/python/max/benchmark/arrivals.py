"""When requests arrive."""

from __future__ import annotations

import math

import numpy as np


def arrivals(count: int, rate: float, seed: int, burstiness: float = 1.0) -> list[float]:
    """Arrival times, in seconds from the start; the first one is at 0.

    Args:
        count: number of arrivals.
        rate: mean arrivals per second; infinity means all at once.
        seed: the same seed gives the same times.
        burstiness: shape of the gamma distribution of the gaps: 1 for a Poisson process, below it
            bursts, above it more even arrivals.

    Raises:
        ValueError: if the rate is not positive.
    """
    if not rate > 0:
        raise ValueError(
            f"the request rate is {rate}; it has to be above 0, or inf for all at once"
        )
    if math.isinf(rate):
        return [0.0] * count
    gaps = np.random.default_rng(seed).gamma(burstiness, 1 / (rate * burstiness), count)
    gaps[:1] = 0
    return [float(time) for time in np.cumsum(gaps)]
