"""The StableLM decoder."""

from __future__ import annotations

from max.nn import Module, Rope
from max.pipelines.architectures.stablelm.model_config import StableLmConfig
from max.pipelines.lib.decoder import Decoder


class StableLm(Decoder[StableLmConfig]):
    """A decoder with layer norms, whose attention and MLP may stand side by side."""

    def make_block(self, config: StableLmConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        if not config.is_parallel:
            return super().make_block(config, rope, index)
        return self.make_parallel_block(config, rope, index)

    def make_attention(self, config: StableLmConfig, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        if not config.qk_layernorm:
            return super().make_attention(config, rope, index)
        return self.make_head_norm_attention(config, rope, index)

    def make_norm(self, config: StableLmConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
