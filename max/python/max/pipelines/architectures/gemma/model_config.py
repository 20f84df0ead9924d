"""What a Gemma model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import torch

from max.pipelines.architectures.gemma.checkpoint import GEMMA_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class GemmaConfig(DecoderConfig):
    """A decoder's configuration, whose embeddings are multiplied by the root of their width.

    Args:
        norm_weight_offset: what norms add to their weights: 1, but GGUF files have it added.
    """

    config_fields: ClassVar[ConfigFields | None] = GEMMA_FIELDS

    norm_weight_offset: float = 1.0

    @classmethod
    def initialize_from_config(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> Self:
        """See `DecoderConfig.initialize_from_config`."""
        model_config = model_config or pipeline_config.model
        config = super().initialize_from_config(pipeline_config, huggingface_config, model_config)
        # The reference rounds the factor to the model's dtype.
        root = torch.tensor(config.hidden_size**0.5, dtype=config.dtype.to_torch())
        config.embedding_multiplier = root.item()
        config.norm_weight_offset = 0.0 if model_config.has_gguf_weights else 1.0
        return config
