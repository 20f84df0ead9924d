"""What a Qwen3 model is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from max.pipelines.architectures.qwen2.model_config import Qwen2Config
from max.pipelines.architectures.qwen3.checkpoint import QWEN3_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Qwen3Config(DecoderConfig):
    """A decoder's configuration with Qwen2's windows."""

    config_fields: ClassVar[ConfigFields | None] = QWEN3_FIELDS

    @staticmethod
    def get_layer_types(huggingface_config: PretrainedConfig) -> Sequence[str]:
        """See `Qwen2Config.get_layer_types`."""
        return Qwen2Config.get_layer_types(huggingface_config)
