"""The Nemotron decoder."""

from __future__ import annotations

from max.nn import Module
from max.pipelines.architectures.nemotron.model_config import NemotronConfig
from max.pipelines.lib.decoder import Decoder


class Nemotron(Decoder[NemotronConfig]):
    """A decoder with layer norms and an MLP without a gate."""

    def make_mlp(self, config: NemotronConfig, index: int) -> Module:
        """See `Decoder.make_mlp`."""
        return self.make_plain_mlp(config, has_bias=config.mlp_bias)

    def make_norm(self, config: NemotronConfig) -> Module:
        """See `Decoder.make_norm`."""
        return self.make_layer_norm(config, config.hidden_size)
