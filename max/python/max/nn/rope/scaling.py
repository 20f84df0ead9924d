"""How rotary angles are stretched for contexts longer than the pretraining's.

Each way is a value: parameters as config.json names them, and what they do to the frequencies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RopeScaling:
    """A way to stretch the angles; this one leaves them as they are."""

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """The angle per position of each pair.

        Args:
            plain: float32 [pairs], `theta ** (-i / pairs)`.
            theta: base of the angles.
            max_len: positions that the model is used for.
        """
        return plain

    def magnitude(self) -> float:
        """Factor of all cosines and sines, by which long contexts keep their attention sharp."""
        return 1.0


@dataclass(frozen=True)
class LinearScalingParams(RopeScaling):
    """Positions are divided by `factor` (Chen et al., 2023: position interpolation)."""

    factor: float

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """See `RopeScaling.frequencies`."""
        return plain / self.factor


@dataclass(frozen=True)
class DynamicScalingParams(RopeScaling):
    """The base grows with the context ("dynamic NTK").

    The table is made for the longest context that the model is used for, so that cached keys stay
    right; up to the pretraining's context nothing changes.

    Args:
        factor: how fast it grows.
        max_position_embeddings: context of the pretraining, in tokens.
    """

    factor: float
    max_position_embeddings: int

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """See `RopeScaling.frequencies`."""
        pairs = len(plain)
        stretch = max(1.0, max_len / self.max_position_embeddings)
        base = theta * (self.factor * stretch - (self.factor - 1)) ** (pairs / (pairs - 1))
        return inverse_frequencies(2 * pairs, base)


@dataclass(frozen=True)
class Llama3RopeScalingParams(RopeScaling):
    """Long wavelengths are stretched, short ones are not (the code of Llama 3.1).

    Args:
        factor: how much longer the context is than in pretraining.
        low_freq_factor: wavelengths over `orig_max_position / low_freq_factor` are stretched fully.
        high_freq_factor: those under `orig_max_position / high_freq_factor` are left alone.
        orig_max_position: context of the pretraining, in tokens.
    """

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    orig_max_position: int

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """See `RopeScaling.frequencies`."""
        wavelengths = 2 * math.pi / plain
        share = (self.orig_max_position / wavelengths - self.low_freq_factor) / (
            self.high_freq_factor - self.low_freq_factor
        )
        share = share.clamp(0, 1)
        return (1 - share) * plain / self.factor + share * plain


@dataclass(frozen=True)
class RopeFactors(RopeScaling):
    """Each pair's angle is divided by a factor of its own, as GGUF files have them.

    Args:
        factors: [pairs].

    Raises:
        ValueError: when used, if there is not one factor for each pair.
    """

    factors: tuple[float, ...]

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """See `RopeScaling.frequencies`."""
        return divided(plain, self.factors)


def inverse_frequencies(rotary_dim: int, theta: float) -> torch.Tensor:
    """The plain angle per position of each pair: float32 [rotary_dim / 2]."""
    exponents = torch.arange(0, rotary_dim, 2, dtype=torch.int64).float() / rotary_dim
    return 1.0 / (theta**exponents)


def divided(plain: torch.Tensor, factors: tuple[float, ...]) -> torch.Tensor:
    """Each pair's frequency divided by its factor.

    Raises:
        ValueError: if there is not one factor for each pair.
    """
    if len(factors) != len(plain):
        raise ValueError(f"{len(factors)} rope factors for {len(plain)} pairs")
    return plain / torch.tensor(factors)
