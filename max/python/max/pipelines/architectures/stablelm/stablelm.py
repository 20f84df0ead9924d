"""The StableLM decoder."""

from __future__ import annotations

from max.nn import Module, ParallelBlock, Rope
from max.nn.attention import FlatNormAttention
from max.nn.norm import HeadLayerNorm
from max.pipelines.architectures.stablelm.model_config import StableLmConfig
from max.pipelines.lib.decoder import Decoder


class StableLm(Decoder[StableLmConfig]):
    """A decoder with layer norms, whose attention and MLP may stand side by side."""

    def make_block(self, config: StableLmConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        if not config.is_parallel:
            return super().make_block(config, rope, index)
        attention = self.make_attention(config, rope, index)
        return ParallelBlock(attention, self.make_mlp(config, index), self.make_norm(config))

    def make_attention(self, config: StableLmConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if not config.qk_layernorm:
            return super().make_attention(config, rope, index)
        size, eps = config.kv_params.head_dim, config.rms_norm_eps
        assert eps is not None
        q_norm, k_norm = (
            HeadLayerNorm(heads, size, config.dtype, eps, config.devices[0])
            for heads in (config.num_attention_heads, config.num_key_value_heads)
        )
        return FlatNormAttention((q_norm, k_norm), **self.attention_settings(config, rope, index))

    def make_norm(self, config: StableLmConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
