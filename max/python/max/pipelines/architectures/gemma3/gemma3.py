"""The Gemma 3 decoder."""

from __future__ import annotations

from max.nn import Module, Rope
from max.nn.attention import HeadNormAttention
from max.pipelines.architectures.gemma2.gemma2 import Gemma2
from max.pipelines.architectures.gemma3.model_config import Gemma3Config


class Gemma3(Gemma2[Gemma3Config]):
    """Gemma 2 that normalizes each head's queries and keys."""

    def make_attention(self, config: Gemma3Config, rope: Rope | None, index: int) -> Module:
        """See `Decoder.make_attention`."""
        size = config.kv_params.head_dim
        norms = self.make_rms_norm(config, size), self.make_rms_norm(config, size)
        return HeadNormAttention(norms, **self.attention_settings(config, rope, index))
