"""The Falcon decoder."""

from __future__ import annotations

from max.nn import Module, ParallelBlock, Rope
from max.pipelines.architectures.falcon.model_config import FalconConfig
from max.pipelines.lib.decoder import Decoder


class Falcon(Decoder[FalconConfig]):
    """Attention and MLP read the same norm, or each its own, or stand one behind the other."""

    def make_block(self, config: FalconConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        if not config.is_parallel:
            return super().make_block(config, rope, index)
        return ParallelBlock(
            self.make_attention(config, rope, index),
            self.make_mlp(config, index),
            self.make_norm(config),
            self.make_norm(config) if config.has_mlp_norm else None,
        )

    def make_mlp(self, config: FalconConfig, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return self.make_plain_mlp(config, has_bias=config.attention_bias)

    def make_norm(self, config: FalconConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
