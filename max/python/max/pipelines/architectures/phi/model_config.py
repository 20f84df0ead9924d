"""What a Phi model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.phi.checkpoint import PHI_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class PhiConfig(DecoderConfig):
    """A decoder's configuration with biases everywhere.

    Args:
        qk_layernorm: whether each head's queries and keys are normalized.
    """

    config_fields: ClassVar[ConfigFields | None] = PHI_FIELDS

    qk_layernorm: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {"qk_layernorm": hf.qk_layernorm, "rms_norm_eps": hf.layer_norm_eps}

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Always; config.json does not say."""
        return True, True
