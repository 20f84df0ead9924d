"""What a Qwen3 model with experts is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.qwen3_moe.checkpoint import QWEN3_MOE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class Qwen3MoeConfig(ExpertsConfig):
    """A decoder's configuration with experts in every n-th layer, but for those named."""

    config_fields: ClassVar[ConfigFields | None] = QWEN3_MOE_FIELDS

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`; `use_sliding_window` switches windows on."""
        hf = huggingface_config
        return {
            **super().fields(hf),
            "sliding_window": hf.sliding_window if hf.use_sliding_window else None,
        }

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=getattr(hf, "num_local_experts", None) or hf.num_experts,
            width=hf.moe_intermediate_size,
            routing=Routing(hf.num_experts_per_tok, renormalizes=bool(hf.norm_topk_prob)),
            dense_layers=frozenset(
                index
                for index in range(hf.num_hidden_layers)
                if index in (hf.mlp_only_layers or ()) or (index + 1) % hf.decoder_sparse_step
            ),
            activation=hf.hidden_act,
        )
