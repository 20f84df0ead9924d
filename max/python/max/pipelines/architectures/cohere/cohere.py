"""The Command R decoder."""

from __future__ import annotations

from max.nn import Module, Rope
from max.pipelines.architectures.cohere.model_config import CohereConfig
from max.pipelines.lib.decoder import Decoder


class Cohere(Decoder[CohereConfig]):
    """Attention and MLP read the same norm, which has no bias."""

    def make_block(self, config: CohereConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        return self.make_parallel_block(config, rope, index)

    def make_attention(self, config: CohereConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if not config.use_qk_norm:
            return super().make_attention(config, rope, index)
        return self.make_head_norm_attention(config, rope, index)

    def make_norm(self, config: CohereConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size, use_bias=False)
