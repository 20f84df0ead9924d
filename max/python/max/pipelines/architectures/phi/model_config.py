"""What a Phi model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from max.pipelines.architectures.phi.checkpoint import PHI_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import MAXModelConfig, PipelineConfig
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
    def initialize_from_config(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> Self:
        """See `DecoderConfig.initialize_from_config`."""
        config = super().initialize_from_config(pipeline_config, huggingface_config, model_config)
        config.qk_layernorm = huggingface_config.qk_layernorm
        return config

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Always; config.json does not say."""
        return True, True

    @staticmethod
    def get_norm_eps(huggingface_config: PretrainedConfig) -> float | None:
        """`layer_norm_eps`."""
        eps: float = huggingface_config.layer_norm_eps
        return eps
