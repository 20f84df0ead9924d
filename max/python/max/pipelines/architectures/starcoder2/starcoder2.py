"""The StarCoder2 decoder."""

from __future__ import annotations

from max.nn import Module
from max.pipelines.architectures.starcoder2.model_config import Starcoder2Config
from max.pipelines.lib.decoder import Decoder


class Starcoder2(Decoder[Starcoder2Config]):
    """A decoder with layer norms and an MLP without a gate."""

    def make_mlp(self, config: Starcoder2Config, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return self.make_plain_mlp(config, has_bias=config.attention_bias)

    def make_norm(self, config: Starcoder2Config) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
