"""What a Ministral 3 model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.ministral3.checkpoint import MINISTRAL3_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class Ministral3Config(DecoderConfig):
    """A decoder's configuration.

    Args:
        query_growth: queries at position p grow by `1 + growth * log(1 + floor(p / context))`.
        original_context: that context, of the pretraining, in tokens.
    """

    config_fields: ClassVar[ConfigFields | None] = MINISTRAL3_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True
    drops_old_pages: ClassVar[bool] = True
    own_rope_parameters: ClassVar[frozenset[str]] = frozenset(
        {"llama_4_scaling_beta", "max_position_embeddings"}
    )

    query_growth: float = 0.0
    original_context: int = 0

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        rope = hf.rope_parameters
        return {
            "query_growth": rope["llama_4_scaling_beta"],
            "original_context": rope["original_max_position_embeddings"],
        }
