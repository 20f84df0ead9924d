"""What a GLM-4.5 model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.glm4_moe.checkpoint import GLM4_MOE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class Glm4MoeConfig(ExpertsConfig):
    """A decoder's configuration with experts in all layers but the first ones.

    Args:
        normalizes_heads: whether each head's queries and keys are normalized.
    """

    config_fields: ClassVar[ConfigFields | None] = GLM4_MOE_FIELDS

    normalizes_heads: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        own = {**super().fields(hf), "normalizes_heads": bool(hf.use_qk_norm)}
        if "partial_rotary_factor" not in (getattr(hf, "rope_parameters", None) or {}):
            own["partial_rotary_factor"] = hf.partial_rotary_factor
        return own

    @staticmethod
    def get_attention_biases(huggingface_config: PretrainedConfig) -> tuple[bool, bool]:
        """Queries, keys and values may have biases; the output has none."""
        return bool(huggingface_config.attention_bias), False

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.n_routed_experts,
            width=hf.moe_intermediate_size,
            routing=grouped_sigmoid_routing(hf),
            dense_layers=range(hf.first_k_dense_replace),
            shared_width=hf.moe_intermediate_size * hf.n_shared_experts,
            activation=hf.hidden_act,
            has_correction=True,
            has_precise_router=True,
        )


def grouped_sigmoid_routing(huggingface_config: PretrainedConfig) -> Routing:
    """The routing of DeepSeek-V3 (2024), by the names of its config.json."""
    hf = huggingface_config
    return Routing(
        hf.num_experts_per_tok,
        "sigmoid",
        renormalizes=bool(hf.norm_topk_prob),
        scale=hf.routed_scaling_factor,
        groups=hf.n_group,
        top_groups=hf.topk_group,
        best_of_group=2,
    )
