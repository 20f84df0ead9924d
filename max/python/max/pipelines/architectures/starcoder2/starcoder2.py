"""The StarCoder2 decoder."""

from __future__ import annotations

from max.nn import Module, PlainMLP
from max.pipelines.architectures.starcoder2.model_config import Starcoder2Config
from max.pipelines.lib.decoder import Decoder


class Starcoder2(Decoder[Starcoder2Config]):
    """A decoder with layer norms and an MLP without a gate."""

    def make_mlp(self, config: Starcoder2Config, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return PlainMLP(
            config.hidden_size,
            config.intermediate_size,
            config.dtype,
            config.devices,
            config.hidden_act,
            has_bias=config.attention_bias,
        )

    def make_norm(self, config: Starcoder2Config) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
