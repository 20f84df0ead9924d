"""What a Qwen2 model is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from max.pipelines.architectures.llama3.model_config import Llama3Config
from max.pipelines.architectures.qwen2.checkpoint import QWEN2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import FULL, SLIDING

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Qwen2Config(Llama3Config):
    """Llama's configuration, but for the layers from `max_window_layers` on, which may have an
    attention window."""

    config_fields: ClassVar[ConfigFields | None] = QWEN2_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = False
    drops_old_pages: ClassVar[bool] = True

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Of q, k, v always, of the output never; config.json does not say."""
        return True, False

    @staticmethod
    def get_layer_types(huggingface_config: PretrainedConfig) -> Sequence[str]:
        """`layer_types`, or windows from layer `max_window_layers` on, if there are any."""
        hf = huggingface_config
        layers: int = hf.num_hidden_layers
        if not getattr(hf, "use_sliding_window", False):
            return (FULL,) * layers
        if given := getattr(hf, "layer_types", None):
            return tuple(given)
        return tuple(SLIDING if i >= hf.max_window_layers else FULL for i in range(layers))
