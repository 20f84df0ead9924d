"""What a gpt-oss model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from max.kernels.experts.reference import SWISH_PLUS_ONE
from max.nn.moe import Routing
from max.pipelines.architectures.gpt_oss.checkpoint import GPT_OSS_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class GptOssConfig(ExpertsConfig):
    """A decoder's configuration with experts in all layers, and windows in every other one."""

    config_fields: ClassVar[ConfigFields | None] = GPT_OSS_FIELDS
    drops_old_pages: ClassVar[bool] = True

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.num_local_experts,
            width=hf.intermediate_size,
            routing=Routing(hf.num_experts_per_tok, "softmax_of_chosen"),
            activation=SWISH_PLUS_ONE,
            limit=hf.swiglu_limit,
            has_bias=True,
            has_router_bias=True,
        )
