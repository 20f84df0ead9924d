"""Rotary position embeddings: the angles by which queries and keys are turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from max.graph import TensorValue, ops
from max.nn.module import Module


class RotaryEmbedding(Module):
    """Position p turns the i-th pair of elements of a head by `p / theta^(2i / head_dim)`.

    Su et al., RoFormer (2021).

    Args:
        dim: the model's hidden size; gives head_dim when that is not given.
        n_heads: query heads.
        theta: base of the angles.
        max_seq_len: positions in the table.
        head_dim: elements of a head that are turned; dim / n_heads unless given.
        interleaved: whether elements 2i and 2i + 1 are a pair (the original layout), or i and
            i + head_dim / 2 (Hugging Face checkpoints).
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        theta: float,
        max_seq_len: int,
        head_dim: int | None = None,
        interleaved: bool = True,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.n_heads = n_heads
        self.theta = theta
        self.max_seq_len = max_seq_len
        self.head_dim = head_dim or dim // n_heads
        self.interleaved = interleaved

    def inverse_frequencies(self) -> torch.Tensor:
        """Angle per position of each pair: float32 [head_dim / 2]. Variants override this."""
        exponents = torch.arange(0, self.head_dim, 2, dtype=torch.int64).float() / self.head_dim
        return 1.0 / (self.theta**exponents)

    @property
    def freqs_cis(self) -> TensorValue:
        """Cosine and sine of every angle: float32 [max_seq_len, head_dim / 2, 2].

        Take it once for a whole model: each use makes a table of its own.
        """
        positions = torch.arange(self.max_seq_len, dtype=torch.float32)
        angles = torch.outer(positions, self.inverse_frequencies())
        return ops.constant(torch.stack((angles.cos(), angles.sin()), -1))

    def compute_scale(self, user_scale: float | None = None) -> float:
        """The factor of attention scores: `1 / sqrt(head_dim)` unless given."""
        return user_scale if user_scale is not None else 1.0 / math.sqrt(self.head_dim)

    def __call__(self) -> TensorValue:
        """The table, as `freqs_cis`."""
        return self.freqs_cis


@dataclass(frozen=True)
class Llama3RopeScalingParams:
    """`rope_scaling` of type "llama3".

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


class Llama3RotaryEmbedding(RotaryEmbedding):
    """Rotary embedding of Llama 3.1 and later: long wavelengths are stretched.

    Args:
        scaling_params: how; None for not at all.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        theta: float,
        max_seq_len: int,
        head_dim: int | None = None,
        interleaved: bool = True,
        scaling_params: Llama3RopeScalingParams | None = None,
    ) -> None:
        super().__init__(dim, n_heads, theta, max_seq_len, head_dim, interleaved)
        self.scaling_params = scaling_params

    def inverse_frequencies(self) -> torch.Tensor:
        """Interpolates between stretched and plain frequencies by wavelength (Llama 3.1 code)."""
        plain = super().inverse_frequencies()
        params = self.scaling_params
        if params is None:
            return plain
        wavelengths = 2 * math.pi / plain
        share = (params.orig_max_position / wavelengths - params.low_freq_factor) / (
            params.high_freq_factor - params.low_freq_factor
        )
        share = share.clamp(0, 1)
        return (1 - share) * plain / params.factor + share * plain


@dataclass(frozen=True)
class LinearScalingParams:
    """`rope_scaling` of type "linear": positions are divided by `factor`."""

    factor: float


class LinearScalingRotaryEmbedding(RotaryEmbedding):
    """Rotary embedding with all positions divided by a factor (position interpolation).

    Args:
        scaling_params: the factor.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        theta: float,
        max_seq_len: int,
        head_dim: int | None = None,
        interleaved: bool = True,
        *,
        scaling_params: LinearScalingParams,
    ) -> None:
        super().__init__(dim, n_heads, theta, max_seq_len, head_dim, interleaved)
        self.scaling_params = scaling_params

    def inverse_frequencies(self) -> torch.Tensor:
        """The plain frequencies divided by the factor."""
        return super().inverse_frequencies() / self.scaling_params.factor


@dataclass(frozen=True)
class RopeFactors:
    """What each pair's angle is divided by: `factors` [head_dim / 2], as GGUF files have them."""

    factors: tuple[float, ...]


class FactoredRotaryEmbedding(RotaryEmbedding):
    """Rotary embedding with the angle of each pair divided by a factor of its own.

    Args:
        scaling_params: the factors.

    Raises:
        ValueError: if there is not one factor for each pair.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        theta: float,
        max_seq_len: int,
        head_dim: int | None = None,
        interleaved: bool = True,
        *,
        scaling_params: RopeFactors,
    ) -> None:
        super().__init__(dim, n_heads, theta, max_seq_len, head_dim, interleaved)
        if len(scaling_params.factors) != self.head_dim // 2:
            raise ValueError(
                f"{len(scaling_params.factors)} rope factors for {self.head_dim // 2} pairs"
            )
        self.scaling_params = scaling_params

    def inverse_frequencies(self) -> torch.Tensor:
        """The plain frequencies divided by the factors."""
        return super().inverse_frequencies() / torch.tensor(self.scaling_params.factors)
