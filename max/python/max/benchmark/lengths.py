"""Distributions of lengths in tokens, as written on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_DOCUMENTED_RANGE = re.compile(r"^DU\((\d+),\s*(\d+)\)$")
_DOCUMENTED_NORMAL = re.compile(r"^N\((.+)\)$")


class LengthDistribution(Protocol):
    """Draws lengths; `str()` gives back what `parse_lengths` reads."""

    def sample(self, generator: np.random.Generator, count: int) -> list[int]:
        """Returns `count` lengths of at least 1."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Always the same length."""

    length: int

    def __str__(self) -> str:
        return str(self.length)

    def sample(self, generator: np.random.Generator, count: int) -> list[int]:
        """Returns the length `count` times."""
        return [self.length] * count


@dataclass(frozen=True)
class Uniform:
    """Every length from `low` to `high`, both included, equally often."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}:{self.high}"

    def sample(self, generator: np.random.Generator, count: int) -> list[int]:
        """Returns `count` independent lengths."""
        return [int(n) for n in generator.integers(self.low, self.high, count, endpoint=True)]


@dataclass(frozen=True)
class Normal:
    """A bell curve, rounded to whole tokens; what falls below 1 becomes 1."""

    mean: float
    deviation: float

    def __str__(self) -> str:
        return f"normal:{self.mean:g},{self.deviation:g}"

    def sample(self, generator: np.random.Generator, count: int) -> list[int]:
        """Returns `count` independent lengths."""
        drawn = generator.normal(self.mean, self.deviation, count)
        return [max(1, round(n)) for n in drawn.tolist()]


def parse_lengths(text: str) -> LengthDistribution:
    """Reads `128`, `64:256` (uniform) or `normal:128,32` (mean and standard deviation), and
    `DU(64,256)`, `N(128,32)` for the latter two, as the documentation has them.

    Raises:
        ValueError: if the text is none of these, or allows lengths below 1.
    """
    text = _DOCUMENTED_RANGE.sub(r"\1:\2", _DOCUMENTED_NORMAL.sub(r"normal:\1", text.strip()))
    try:
        if text.startswith("normal:"):
            mean, deviation = (float(number) for number in text[len("normal:") :].split(","))
            lengths: LengthDistribution = Normal(mean, deviation)
            valid = mean >= 1 and 0 <= deviation < float("inf")
        elif ":" in text:
            low, high = (int(number) for number in text.split(":"))
            lengths, valid = Uniform(low, high), 1 <= low <= high
        else:
            lengths = Fixed(int(text))
            valid = lengths.length >= 1
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            f"{text!r} is not a distribution of lengths: give a number of tokens from 1 (128), "
            "a range (64:256), or a mean and a standard deviation (normal:128,32)"
        )
    return lengths
