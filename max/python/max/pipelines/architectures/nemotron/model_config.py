"""What a Nemotron model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from max.pipelines.architectures.nemotron.checkpoint import NEMOTRON_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class NemotronConfig(DecoderConfig):
    """A decoder's configuration."""

    config_fields: ClassVar[ConfigFields | None] = NEMOTRON_FIELDS

    @staticmethod
    def get_norm_eps(huggingface_config: PretrainedConfig) -> float | None:
        """`norm_eps`."""
        eps: float = huggingface_config.norm_eps
        return eps
