"""The Phi decoder."""

from __future__ import annotations

from max.nn import Linear, Module, ParallelBlock, PlainMLP, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.phi.model_config import PhiConfig
from max.pipelines.lib.decoder import Decoder


class Phi(Decoder[PhiConfig]):
    """Attention and MLP read the same norm; everything has a bias."""

    def make_block(self, config: PhiConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        attention = self.make_attention(config, rope, index)
        return ParallelBlock(attention, self.make_mlp(config, index), self.make_norm(config))

    def make_attention(self, config: PhiConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if not config.qk_layernorm:
            return super().make_attention(config, rope, index)
        size = config.kv_params.head_dim
        norms = self.make_layer_norm(config, size), self.make_layer_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))

    def make_mlp(self, config: PhiConfig, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return PlainMLP(
            config.hidden_size,
            config.intermediate_size,
            config.dtype,
            config.devices,
            config.hidden_act,
            has_bias=True,
        )

    def make_norm(self, config: PhiConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)

    def make_head(self, config: PhiConfig) -> Linear:
        """See `Decoder.make_head`."""
        sizes = config.hidden_size, config.vocab_size
        return Linear(*sizes, config.dtype, config.devices[0], has_bias=True)
