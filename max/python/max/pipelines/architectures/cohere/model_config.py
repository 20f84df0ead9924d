"""What a Command R model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from max.pipelines.architectures.cohere.checkpoint import COHERE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class CohereConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        use_qk_norm: whether each head's queries and keys are normalized.
    """

    config_fields: ClassVar[ConfigFields | None] = COHERE_FIELDS
    rope_is_interleaved: ClassVar[bool] = True

    use_qk_norm: bool = False

    @classmethod
    def initialize_from_config(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> Self:
        """See `DecoderConfig.initialize_from_config`."""
        hf = huggingface_config
        config = super().initialize_from_config(pipeline_config, hf, model_config)
        config.logits_scaling = 1 / hf.logit_scale
        config.use_qk_norm = getattr(hf, "use_qk_norm", False)
        return config

    @staticmethod
    def get_norm_eps(huggingface_config: PretrainedConfig) -> float | None:
        """`layer_norm_eps`."""
        eps: float = huggingface_config.layer_norm_eps
        return eps
