"""What a StableLM model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from max.pipelines.architectures.stablelm.checkpoint import STABLELM_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class StableLmConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        qk_layernorm: whether each head's queries and keys are normalized.
        is_parallel: whether attention and MLP stand side by side.
    """

    config_fields: ClassVar[ConfigFields | None] = STABLELM_FIELDS

    qk_layernorm: bool = False
    is_parallel: bool = False

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
        config.qk_layernorm = hf.qk_layernorm
        config.is_parallel = hf.use_parallel_residual
        return config

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """`use_qkv_bias`; the output projection has none."""
        return huggingface_config.use_qkv_bias, False

    @staticmethod
    def get_norm_eps(huggingface_config: PretrainedConfig) -> float | None:
        """`layer_norm_eps`."""
        eps: float = huggingface_config.layer_norm_eps
        return eps
