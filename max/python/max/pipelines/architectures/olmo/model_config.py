"""What an OLMo model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.olmo.checkpoint import OLMO_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class OlmoConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        clip_qkv: limit of the magnitude of queries, keys and values; None for none.
    """

    config_fields: ClassVar[ConfigFields | None] = OLMO_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True

    clip_qkv: float | None = None

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        return {"clip_qkv": huggingface_config.clip_qkv}
