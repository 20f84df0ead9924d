"""The GLM 4 decoder."""

from __future__ import annotations

from max.nn import Module, Rope, SandwichBlock
from max.pipelines.architectures.glm4.model_config import Glm4Config
from max.pipelines.lib.decoder import Decoder


class Glm4(Decoder[Glm4Config]):
    """A decoder with norms before and after attention and MLP."""

    def make_block(self, config: Glm4Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        before, after, before_mlp, after_mlp = (self.make_norm(config) for _ in range(4))
        return SandwichBlock(
            self.make_attention(config, rope, index),
            self.make_mlp(config, index),
            (before, after, before_mlp, after_mlp),
        )
