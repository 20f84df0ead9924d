"""The OLMoE decoder."""

from __future__ import annotations

from typing import Any

from max.graph import ops
from max.nn import Module, Rope
from max.nn.attention import QKV, FlatNormAttention
from max.pipelines.architectures.olmoe.model_config import OlmoeConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class OlmoeAttention(FlatNormAttention):
    """Limits queries, keys and values after they are normalized.

    Args:
        limit: largest magnitude; None for no limit.
        norms: for queries, and for keys.
        settings: of `Attention`.
    """

    def __init__(self, limit: float | None, norms: tuple[Module, Module], **settings: Any) -> None:
        super().__init__(norms, **settings)
        self.limit = limit

    def prepare(self, qkv: QKV) -> QKV:
        """See `Attention.prepare`."""
        normed = super().prepare(qkv)
        if (limit := self.limit) is None:
            return normed
        return QKV(*(ops.min(ops.max(each, -limit), limit) for each in normed))


class Olmoe(ExpertDecoder[OlmoeConfig]):
    """Experts, and queries and keys that are normalized as a whole."""

    def make_attention(self, config: OlmoeConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        widths = (count * config.kv_params.head_dim for count in (heads, kv_heads))
        q_norm, k_norm = (self.make_rms_norm(config, width) for width in widths)
        settings = self.attention_settings(config, rope, index)
        return OlmoeAttention(config.clip_qkv, (q_norm, k_norm), **settings)
