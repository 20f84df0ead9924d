"""Upper bounds of the histograms' buckets."""

from __future__ import annotations

from typing import Final

MILLISECONDS: Final = (
    *(float(digit * 10**power) for power in range(-1, 5) for digit in (1, 2, 5)),
    *(100_000.0, 300_000.0, 600_000.0),
)
TOKENS: Final = tuple(float(2**power) for power in range(0, 18))
REQUESTS: Final = tuple(float(2**power) for power in range(0, 11))
TOKENS_PER_SECOND: Final = tuple(
    float(digit * 10**power) for power in range(0, 6) for digit in (1, 2, 5)
)
SHARE: Final = tuple(tenths / 10 for tenths in range(0, 11))
RATIO: Final = (0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0)
