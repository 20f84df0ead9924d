"""What a Granite model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.granite.checkpoint import GRANITE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class GraniteConfig(DecoderConfig):
    """A decoder's configuration with a factor for embeddings, scores, residuals and logits."""

    config_fields: ClassVar[ConfigFields | None] = GRANITE_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            "attention_multiplier": hf.attention_multiplier,
            "embedding_multiplier": hf.embedding_multiplier,
            "residual_multiplier": hf.residual_multiplier,
            "logits_scaling": hf.logits_scaling,
        }
