"""What a MiniCPM model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from max.pipelines.architectures.minicpm.checkpoint import MINICPM_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class MiniCPMConfig(DecoderConfig):
    """A decoder's configuration with a factor for embeddings, residuals and logits."""

    config_fields: ClassVar[ConfigFields | None] = MINICPM_FIELDS
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
        config.embedding_multiplier = hf.scale_emb
        config.residual_multiplier = hf.scale_depth / config.num_hidden_layers**0.5
        config.logits_scaling = config.hidden_size / hf.dim_model_base
        return config
