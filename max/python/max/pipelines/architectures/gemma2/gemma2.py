"""The Gemma 2 decoder."""

from __future__ import annotations

from typing import TypeVar

from max.nn import Module, Rope, SandwichBlock
from max.pipelines.architectures.gemma.gemma import Gemma
from max.pipelines.architectures.gemma2.model_config import Gemma2Config

Config = TypeVar("Config", bound=Gemma2Config)


class Gemma2(Gemma[Config]):
    """Gemma with norms before and after attention and MLP."""

    def make_block(self, config: Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        before, after, before_mlp, after_mlp = (self.make_norm(config) for _ in range(4))
        return SandwichBlock(
            self.make_attention(config, rope, index),
            self.make_mlp(config, index),
            (before, after, before_mlp, after_mlp),
        )
