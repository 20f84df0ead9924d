"""What a DeepSeek-V3 model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.deepseek_v2.model_config import DeepseekV2Config
from max.pipelines.architectures.deepseek_v3.checkpoint import DEEPSEEK_V3_FIELDS
from max.pipelines.architectures.glm4_moe.model_config import grouped_sigmoid_routing
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class DeepseekV3Config(DeepseekV2Config):
    """V2's configuration with another routing."""

    config_fields: ClassVar[ConfigFields | None] = DEEPSEEK_V3_FIELDS

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {**super().fields(hf), "has_interleaved_rope": bool(hf.rope_interleave)}

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        return replace(super().get_experts(huggingface_config), has_correction=True)

    @classmethod
    def get_routing(cls, huggingface_config: PretrainedConfig) -> Routing:
        """By corrected scores, in the groups whose two best experts are best."""
        return grouped_sigmoid_routing(huggingface_config)
