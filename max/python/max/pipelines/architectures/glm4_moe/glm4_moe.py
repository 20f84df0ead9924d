"""The GLM-4.5 decoder."""

from __future__ import annotations

from max.nn import Module, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.glm4_moe.model_config import Glm4MoeConfig
from max.pipelines.lib.expert_layers import ExpertDecoder


class Glm4Moe(ExpertDecoder[Glm4MoeConfig]):
    """Experts, and heads that may be normalized."""

    def make_attention(self, config: Glm4MoeConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if not config.normalizes_heads:
            return super().make_attention(config, rope, index)
        size = config.kv_params.head_dim
        norms = self.make_rms_norm(config, size), self.make_rms_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))
