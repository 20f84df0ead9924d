"""What a Phi-3.5-MoE model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.phimoe.checkpoint import PHIMOE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class PhiMoeConfig(ExpertsConfig):
    """A decoder's configuration with experts in all layers.

    Args:
        has_head_bias: whether the head has a bias.
    """

    config_fields: ClassVar[ConfigFields | None] = PHIMOE_FIELDS

    has_head_bias: bool = False

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {**super().fields(hf), "has_head_bias": bool(hf.lm_head_bias)}

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.num_local_experts,
            width=hf.intermediate_size,
            routing=Routing(hf.num_experts_per_tok, "sparse_mixer", jitter=hf.router_jitter_noise),
            activation=hf.hidden_act,
        )
