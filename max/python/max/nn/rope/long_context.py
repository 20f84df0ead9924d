"""The scalings that also sharpen attention: YaRN and LongRoPE."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from max.nn.rope.scaling import RopeScaling, divided


@dataclass(frozen=True)
class YarnScalingParams(RopeScaling):
    """Pairs that turn often keep their angles, those that turn seldom are stretched.

    Peng et al., YaRN (2023).

    Args:
        factor: how much longer the context is than in pretraining.
        original_max_position_embeddings: context of the pretraining, in tokens.
        beta_fast: pairs with more turns than this over that context are left alone.
        beta_slow: pairs with fewer are stretched fully.
        truncate: whether the borders between are whole pairs.
        mscale: with `mscale_all_dim`, DeepSeek's own rule for the magnitude; 0 for YaRN's.
        mscale_all_dim: see `mscale`.
        attention_factor: the magnitude itself, where config.json gives it.
    """

    factor: float
    original_max_position_embeddings: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    mscale: float = 0.0
    mscale_all_dim: float = 0.0
    attention_factor: float | None = None

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """See `RopeScaling.frequencies`."""
        pairs = len(plain)
        first, last = (
            self._pair(self.beta_fast, pairs, theta),
            self._pair(self.beta_slow, pairs, theta),
        )
        if self.truncate:
            first, last = math.floor(first), math.ceil(last)
        first, last = max(first, 0), min(last, 2 * pairs - 1)
        ramp = (torch.arange(pairs).float() - first) / max(last - first, 1e-3)
        stretched = ramp.clamp(0, 1)
        return plain / self.factor * stretched + plain * (1 - stretched)

    def magnitude(self) -> float:
        """`0.1 ln(factor) + 1`, or what the parameters say instead."""
        if self.attention_factor is not None:
            return self.attention_factor
        if self.mscale and self.mscale_all_dim:
            return self.sharpness(self.mscale) / self.sharpness(self.mscale_all_dim)
        return self.sharpness(1.0)

    def sharpness(self, mscale: float) -> float:
        """`0.1 * mscale * ln(factor) + 1` (section 3.4 of the paper; `mscale` is DeepSeek's)."""
        return 0.1 * mscale * math.log(self.factor) + 1.0 if self.factor > 1 else 1.0

    def _pair(self, turns: float, pairs: int, theta: float) -> float:
        """Which pair makes so many turns over the pretraining's context."""
        context = self.original_max_position_embeddings
        return pairs * math.log(context / (turns * 2 * math.pi)) / math.log(theta)


@dataclass(frozen=True)
class LongRoPEScalingParams(RopeScaling):
    """Each pair is divided by a factor that was searched for (Ding et al., LongRoPE, 2024).

    A model that is used for contexts up to the pretraining's takes the short factors, else the long
    ones: for all requests, so that a cached key is right for each of them (`--max-length` chooses).

    Args:
        short_factor: [pairs].
        long_factor: [pairs].
        original_max_position: context of the pretraining, in tokens.
        max_position_embeddings: the longest context; gives the magnitude.
        attention_factor: the magnitude itself, where config.json gives it.
    """

    short_factor: tuple[float, ...]
    long_factor: tuple[float, ...]
    original_max_position: int
    max_position_embeddings: float
    attention_factor: float | None = None

    def frequencies(self, plain: torch.Tensor, theta: float, max_len: int) -> torch.Tensor:
        """See `RopeScaling.frequencies`."""
        is_long = max_len > self.original_max_position
        return divided(plain, tuple(self.long_factor if is_long else self.short_factor))

    def magnitude(self) -> float:
        """`sqrt(1 + ln(s) / ln(original))` for a context s times as long (the paper, section 3)."""
        factor = self.max_position_embeddings / self.original_max_position
        if self.attention_factor is not None:
            return self.attention_factor
        if factor <= 1:
            return 1.0
        return math.sqrt(1 + math.log(factor) / math.log(self.original_max_position))
