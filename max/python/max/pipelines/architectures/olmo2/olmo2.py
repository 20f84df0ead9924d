"""The OLMo 2 decoder."""

from __future__ import annotations

from typing import TypeVar

from max.nn import Module, PostNormBlock, RMSNorm, Rope
from max.nn.attention import FlatNormAttention
from max.pipelines.lib.decoder import Decoder
from max.pipelines.lib.decoder_config import DecoderConfig

Config = TypeVar("Config", bound=DecoderConfig)


class Olmo2(Decoder[Config]):
    """Norms stand behind attention and MLP; queries and keys are normalized as a whole."""

    def make_block(self, config: Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        return PostNormBlock(
            self.make_attention(config, rope, index),
            self.make_mlp(config, index),
            self.make_norm(config),
            self.make_norm(config),
        )

    def make_attention(self, config: Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        widths = (count * config.kv_params.head_dim for count in (heads, kv_heads))
        q_norm, k_norm = (self.make_rms_norm(config, width) for width in widths)
        return FlatNormAttention((q_norm, k_norm), **self.attention_settings(config, rope, index))

    def make_rms_norm(self, config: Config, size: int) -> Module:
        """An RMS norm that multiplies by its weight before it rounds."""
        assert config.rms_norm_eps is not None
        return RMSNorm(size, config.dtype, config.rms_norm_eps, device=config.devices[0])
