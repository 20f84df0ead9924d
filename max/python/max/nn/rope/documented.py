"""The documented classes: `Rope` with the arguments that packages give."""

from __future__ import annotations

import math

from max.graph import DeviceRef, TensorValue
from max.nn.rope.long_context import LongRoPEScalingParams, YarnScalingParams
from max.nn.rope.rope import Rope
from max.nn.rope.scaling import (
    DynamicScalingParams,
    Llama3RopeScalingParams,
    RopeScaling,
)


class RotaryEmbedding(Rope):
    """`Rope` of a model that is given by its hidden size and heads.

    Args:
        dim: the model's hidden size; gives head_dim when that is not given.
        n_heads: query heads.
        theta: base of the angles.
        max_seq_len: positions in the table.
        head_dim: elements of a head that are turned; dim / n_heads unless given.
        _freqs_cis: a table of one's own, float32 [max_seq_len, head_dim / 2, 2].
        interleaved: see `Rope`.
        scaling_params: see `Rope`; each subclass takes its own kind.
    """

    def __init__(
        self,
        dim: int,
        n_heads: int,
        theta: float,
        max_seq_len: int,
        head_dim: int | None = None,
        _freqs_cis: TensorValue | None = None,
        interleaved: bool = True,
        scaling_params: RopeScaling | None = None,
    ) -> None:
        self.dim = dim
        self.n_heads = n_heads
        self.head_dim = head_dim or dim // n_heads
        self.scaling_params = scaling_params
        super().__init__(self.head_dim, theta, max_seq_len, interleaved, scaling_params)
        self._given = _freqs_cis

    @property
    def freqs_cis(self) -> TensorValue:
        """The table on the host; a package may override it."""
        return super().table(DeviceRef.CPU()) if self._given is None else self._given

    def table(self, device: DeviceRef) -> TensorValue:
        """See `Rope.table`."""
        is_own = type(self).freqs_cis is not RotaryEmbedding.freqs_cis
        return self.freqs_cis if is_own or self._given is not None else super().table(device)

    def compute_scale(self, user_scale: float | None = None) -> float:
        """The factor of attention scores: `1 / sqrt(head_dim)` unless given."""
        return user_scale if user_scale is not None else 1.0 / math.sqrt(self.head_dim)


class Llama3RotaryEmbedding(RotaryEmbedding):
    """Rotary embedding of Llama 3.1 and later."""

    scaling_params: Llama3RopeScalingParams | None


class DynamicRotaryEmbedding(RotaryEmbedding):
    """Rotary embedding whose base grows with the context."""

    scaling_params: DynamicScalingParams | None


class LongRoPERotaryEmbedding(RotaryEmbedding):
    """Rotary embedding of Phi-3 and its relatives."""

    scaling_params: LongRoPEScalingParams | None


class YarnRotaryEmbedding(RotaryEmbedding):
    """Rotary embedding by YaRN."""

    scaling_params: YarnScalingParams | None


class DeepseekYarnRotaryEmbedding(YarnRotaryEmbedding):
    """YaRN as DeepSeek has it: the scores are scaled too."""

    def compute_scale(self, user_scale: float | None = None) -> float:
        """`1 / sqrt(head_dim)` times the square of the sharpness (DeepSeek-V2's code)."""
        scale = super().compute_scale(user_scale)
        yarn = self.scaling_params
        return scale * yarn.sharpness(yarn.mscale_all_dim) ** 2 if yarn else scale
