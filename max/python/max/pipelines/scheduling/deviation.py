"""By how much predictions are exceeded."""

from __future__ import annotations

from math import sqrt

_USUAL = 0.02  # what predictions are wrong by, before anything is known
_SHARE = 0.05  # of an observation, in the mean square
_MOST = 0.1  # counts of an error: a program that took the cores once makes no step smaller
_NEARLY_ALL = 2.33  # deviations above the mean, which 1 % of a normal distribution exceeds


class Deviation:
    """How wrong predictions were of late, as a share of what was predicted."""

    def __init__(self) -> None:
        self._mean_square = _USUAL**2

    @property
    def most(self) -> float:
        """What 99 of 100 observations are at most, for a prediction of 1."""
        return 1 + _NEARLY_ALL * sqrt(self._mean_square)

    def observe(self, ratio: float) -> None:
        """Something was so many times what was predicted."""
        error = min(abs(ratio - 1), _MOST)
        self._mean_square += _SHARE * (error**2 - self._mean_square)
