"""What a Nemotron model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.nemotron.checkpoint import NEMOTRON_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class NemotronConfig(DecoderConfig):
    """A decoder's configuration."""

    config_fields: ClassVar[ConfigFields | None] = NEMOTRON_FIELDS

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        return {"rms_norm_eps": huggingface_config.norm_eps}
