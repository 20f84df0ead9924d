"""What a Qwen2 model with experts is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from max.pipelines.architectures.qwen2_moe.checkpoint import QWEN2_MOE_FIELDS
from max.pipelines.architectures.qwen3_moe.model_config import Qwen3MoeConfig
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Qwen2MoeConfig(Qwen3MoeConfig):
    """As Qwen3's, with biases and an expert that all tokens share."""

    config_fields: ClassVar[ConfigFields | None] = QWEN2_MOE_FIELDS

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Queries, keys and values have biases, or not; the output has none."""
        return bool(huggingface_config.qkv_bias), False

    @staticmethod
    def get_layer_types(huggingface_config: PretrainedConfig) -> Sequence[str]:
        """The kind of each layer."""
        return tuple(huggingface_config.layer_types)

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        width = huggingface_config.shared_expert_intermediate_size
        experts = super().get_experts(huggingface_config)
        return replace(experts, shared_width=width, gates_shared=True)
