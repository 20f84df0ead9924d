"""The Qwen3 decoder."""

from __future__ import annotations

from typing import Any

from max.nn import Attention, Module, Rope
from max.nn.attention import QKV, per_head
from max.pipelines.architectures.qwen3.model_config import Qwen3Config
from max.pipelines.lib.decoder import Decoder


class Qwen3Attention(Attention):
    """Normalizes each head's queries and keys before they are turned.

    Weights: those of `Attention`, `q_norm.weight` and `k_norm.weight` [head_dim].

    Args:
        norms: for queries, and for keys.
        settings: of `Attention`.
    """

    def __init__(self, norms: tuple[Module, Module], **settings: Any) -> None:
        super().__init__(**settings)
        self.q_norm, self.k_norm = norms

    def prepare(self, qkv: QKV) -> QKV:
        """See `Attention.prepare`."""
        q = per_head(self.q_norm, qkv.q, self.head_dim)
        return QKV(q, per_head(self.k_norm, qkv.k, self.head_dim), qkv.v)


class Qwen3(Decoder[Qwen3Config]):
    """A decoder with Qwen3's attention."""

    def make_attention(self, config: Qwen3Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        size = config.kv_params.head_dim
        norms = self.make_rms_norm(config, size), self.make_rms_norm(config, size)
        return Qwen3Attention(norms, **self.attention_settings(config, rope, index))
