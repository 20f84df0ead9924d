"""What a StarCoder2 model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.starcoder2.checkpoint import STARCODER2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Starcoder2Config(DecoderConfig):
    """A decoder's configuration; where it has a window, all layers have it."""

    config_fields: ClassVar[ConfigFields | None] = STARCODER2_FIELDS
    drops_old_pages: ClassVar[bool] = True

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """`use_bias`; it is about the MLP too."""
        return (huggingface_config.use_bias,) * 2

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        return {"rms_norm_eps": huggingface_config.norm_epsilon}
