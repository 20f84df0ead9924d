"""What a GLM 4 model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from max.pipelines.architectures.glm4.checkpoint import GLM4_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Glm4Config(DecoderConfig):
    """A decoder's configuration; its rope turns neighbours, in all files."""

    config_fields: ClassVar[ConfigFields | None] = GLM4_FIELDS
    rope_is_interleaved: ClassVar[bool] = True

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """The output projection has none."""
        return huggingface_config.attention_bias, False
