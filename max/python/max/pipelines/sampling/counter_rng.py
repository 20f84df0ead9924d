"""Random numbers that are a function of a seed and a position, not of what was drawn before."""

from __future__ import annotations

_MASK = 2**64 - 1
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_MANTISSA_BITS = 53


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1), uniform over all positions of a seed and all seeds of a position.

    It is number `position` of the SplitMix64 stream (Steele, Lea and Flood, "Fast Splittable
    Pseudorandom Number Generators", 2014) that starts at the scrambled seed, so that streams of
    neighbouring seeds do not overlap.
    """
    start = splitmix64(seed & _MASK)
    return (splitmix64(start + position * _GOLDEN_GAMMA) >> (64 - _MANTISSA_BITS)) * 2.0**-53


def splitmix64(state: int) -> int:
    """The first output, in [0, 2**64), of a SplitMix64 generator in the given state."""
    z = (state + _GOLDEN_GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)
