"""What an OLMoE model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.olmoe.checkpoint import OLMOE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class OlmoeConfig(ExpertsConfig):
    """A decoder's configuration with experts in all layers.

    Args:
        clip_qkv: largest magnitude of queries, keys and values; None for no limit.
    """

    config_fields: ClassVar[ConfigFields | None] = OLMOE_FIELDS

    clip_qkv: float | None = None

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {**super().fields(hf), "clip_qkv": hf.clip_qkv}

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=getattr(hf, "num_local_experts", None) or hf.num_experts,
            width=hf.intermediate_size,
            routing=Routing(hf.num_experts_per_tok, renormalizes=bool(hf.norm_topk_prob)),
            activation=hf.hidden_act,
        )
