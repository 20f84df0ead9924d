"""The EXAONE 4 decoder."""

from __future__ import annotations

from max.nn import Module, PostNormBlock, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.exaone4.model_config import Exaone4Config
from max.pipelines.lib.decoder import Decoder


class Exaone4(Decoder[Exaone4Config]):
    """Norms stand behind attention and MLP; each head's queries and keys are normalized."""

    def make_block(self, config: Exaone4Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_block`."""
        return PostNormBlock(
            self.make_attention(config, rope, index),
            self.make_mlp(config, index),
            self.make_norm(config),
            self.make_norm(config),
        )

    def make_attention(self, config: Exaone4Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        size = config.kv_params.head_dim
        norms = self.make_rms_norm(config, size), self.make_rms_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))
