"""What a Granite model with experts is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.granite.model_config import GraniteConfig
from max.pipelines.architectures.granitemoe.checkpoint import GRANITEMOE_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class GraniteMoeConfig(ExpertsConfig, GraniteConfig):
    """Granite's configuration with experts in all layers."""

    config_fields: ClassVar[ConfigFields | None] = GRANITEMOE_FIELDS

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.num_local_experts,
            width=hf.intermediate_size,
            routing=Routing(hf.num_experts_per_tok, "softmax_of_chosen"),
            activation=hf.hidden_act,
        )
