"""The DeepSeek-V2 decoder."""

from __future__ import annotations

from typing import TypeVar

from max.nn import Module, Rope
from max.nn.attention import LatentAttention
from max.pipelines.architectures.deepseek_v2.model_config import DeepseekV2Config
from max.pipelines.lib.expert_layers import ExpertDecoder

Config = TypeVar("Config", bound=DeepseekV2Config)


class DeepseekV2(ExpertDecoder[Config]):
    """Experts and latent attention."""

    def make_attention(self, config: Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        assert rope is not None
        return LatentAttention(
            hidden_size=config.hidden_size,
            heads=config.num_attention_heads,
            rank=config.kv_lora_rank,
            query_rank=config.q_lora_rank,
            nope=config.qk_nope_head_dim,
            turned=config.qk_rope_head_dim,
            value=config.v_head_dim,
            rope=rope,
            scale=config.attention_multiplier,
            dtype=config.dtype,
            devices=config.devices,
            has_bias=config.attention_bias,
        )
