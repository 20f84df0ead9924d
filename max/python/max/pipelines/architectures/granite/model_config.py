"""What a Granite model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from max.pipelines.architectures.granite.checkpoint import GRANITE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class GraniteConfig(DecoderConfig):
    """A decoder's configuration with a factor for embeddings, scores, residuals and logits."""

    config_fields: ClassVar[ConfigFields | None] = GRANITE_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True

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
        config.attention_multiplier = hf.attention_multiplier
        config.embedding_multiplier = hf.embedding_multiplier
        config.residual_multiplier = hf.residual_multiplier
        config.logits_scaling = hf.logits_scaling
        return config
