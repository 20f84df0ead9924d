"""The Phi decoder."""

from __future__ import annotations

from max.nn import Linear, Module, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.phi.model_config import PhiConfig
from max.pipelines.lib.decoder import Decoder


class Phi(Decoder[PhiConfig]):
    """Attention and MLP read the same norm; everything has a bias."""

    def make_block(self, config: PhiConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        return self.make_parallel_block(config, rope, index)

    def make_attention(self, config: PhiConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if not config.qk_layernorm:
            return super().make_attention(config, rope, index)
        size = config.kv_params.head_dim
        norms = self.make_layer_norm(config, size), self.make_layer_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))

    def make_mlp(self, config: PhiConfig, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return self.make_plain_mlp(config, has_bias=True)

    def make_norm(self, config: PhiConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)

    def make_head(self, config: PhiConfig) -> Linear:
        """See `Decoder.make_head`."""
        sizes = config.hidden_size, config.vocab_size
        return Linear(*sizes, config.dtype, config.devices[0], has_bias=True)
