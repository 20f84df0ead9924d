"""The Qwen3 decoder."""

from __future__ import annotations

from max.nn import Module, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.qwen3.model_config import Qwen3Config
from max.pipelines.lib.decoder import Decoder


class Qwen3(Decoder[Qwen3Config]):
    """A decoder that normalizes each head's queries and keys."""

    def make_attention(self, config: Qwen3Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        size = config.kv_params.head_dim
        norms = self.make_rms_norm(config, size), self.make_rms_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))
