"""The OLMo decoder."""

from __future__ import annotations

from typing import Any

from max.graph import ops
from max.nn import Attention, ConstantLayerNorm, Module, Rope
from max.nn.attention import QKV
from max.pipelines.architectures.olmo.model_config import OlmoConfig
from max.pipelines.lib.decoder import Decoder


class LimitedAttention(Attention):
    """Keeps queries, keys and values between `-limit` and `limit`."""

    def __init__(self, limit: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.limit = limit

    def prepare(self, qkv: QKV) -> QKV:
        """See `Attention.prepare`."""
        return QKV(*(ops.min(ops.max(x, -self.limit), self.limit) for x in qkv))


class Olmo(Decoder[OlmoConfig]):
    """A decoder whose norms have no weights."""

    def make_attention(self, config: OlmoConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if config.clip_qkv is None:
            return super().make_attention(config, rope, index)
        return LimitedAttention(config.clip_qkv, **self.attention_settings(config, rope, index))

    def make_norm(self, config: OlmoConfig) -> Module:
        """See `Decoder.make_norm`."""
        return ConstantLayerNorm(config.hidden_size)
