"""What a Mixtral model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from max.nn.moe import Routing
from max.pipelines.architectures.mixtral.checkpoint import MIXTRAL_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class MixtralConfig(ExpertsConfig):
    """A decoder's configuration with experts in all layers, and a window in all or in none."""

    config_fields: ClassVar[ConfigFields | None] = MIXTRAL_FIELDS
    drops_old_pages: ClassVar[bool] = True
    gguf_rope_is_interleaved: ClassVar[bool] = True

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.num_local_experts,
            width=hf.intermediate_size,
            routing=Routing(hf.num_experts_per_tok, renormalizes=True),
            activation=hf.hidden_act,
        )
