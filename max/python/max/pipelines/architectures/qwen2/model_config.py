"""What a Qwen2 model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.config import MAXModelConfig, PipelineConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Qwen2Config(Llama3Config):
    """Llama's configuration; config.json says whether the layers have an attention window."""

    gguf_rope_is_interleaved: ClassVar[bool] = False

    @classmethod
    def initialize_from_config(
        cls,
        pipeline_config: PipelineConfig,
        huggingface_config: PretrainedConfig,
        model_config: MAXModelConfig | None = None,
    ) -> Self:
        """See `Llama3Config.initialize_from_config`.

        Raises:
            ValueError: for a checkpoint whose layers have attention windows.
        """
        if getattr(huggingface_config, "use_sliding_window", False):
            raise ValueError(
                "Qwen2 checkpoints with use_sliding_window=true are not supported in this release"
            )
        return super().initialize_from_config(pipeline_config, huggingface_config, model_config)
