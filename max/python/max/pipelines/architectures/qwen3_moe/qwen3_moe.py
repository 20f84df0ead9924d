"""The Qwen3 decoder with experts."""

from __future__ import annotations

from max.nn import Module, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.qwen3_moe.model_config import Qwen3MoeConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class Qwen3Moe(ExpertDecoder[Qwen3MoeConfig]):
    """Qwen3's attention, and experts."""

    def make_attention(self, config: Qwen3MoeConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        size = config.kv_params.head_dim
        norms = self.make_rms_norm(config, size), self.make_rms_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))
