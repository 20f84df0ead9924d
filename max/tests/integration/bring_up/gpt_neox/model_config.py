"""What a GPT-NeoX model is, read from config.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class GptNeoXConfig(DecoderConfig):
    """A decoder's configuration.

    Args:
        use_parallel_residual: whether attention and MLP read the same rows.
    """

    use_parallel_residual: bool = True

    @classmethod
    def initialize_from_config(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> Self:
        """Reads config.json."""
        config = super().initialize_from_config(pipeline_config, huggingface_config, model_config)
        config.use_parallel_residual = huggingface_config.use_parallel_residual
        return config

    @staticmethod
    def get_norm_eps(huggingface_config: PretrainedConfig) -> float | None:
        """`layer_norm_eps`."""
        eps: float = huggingface_config.layer_norm_eps
        return eps
