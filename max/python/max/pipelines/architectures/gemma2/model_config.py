"""What a Gemma 2 model is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from max.pipelines.architectures.gemma.model_config import GemmaConfig
from max.pipelines.architectures.gemma2.checkpoint import GEMMA2_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import LayerKind

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(kw_only=True)
class Gemma2Config(GemmaConfig):
    """Gemma's configuration.

    Args:
        attention_soft_cap: scores s become `cap * tanh(s / cap)`; 0 for s itself.
    """

    config_fields: ClassVar[ConfigFields | None] = GEMMA2_FIELDS
    drops_old_pages: ClassVar[bool] = True

    attention_soft_cap: float = 0.0

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            **super().fields(hf),
            "attention_soft_cap": hf.attn_logit_softcapping or 0.0,
            "logits_soft_cap": hf.final_logit_softcapping or 0.0,
        }

    @classmethod
    def calculate_attention_multiplier(cls, huggingface_config: PretrainedConfig) -> float:
        """`1 / sqrt(query_pre_attn_scalar)`."""
        return float(huggingface_config.query_pre_attn_scalar**-0.5)

    @staticmethod
    def get_hidden_act(huggingface_config: PretrainedConfig) -> str:
        """`hidden_activation`."""
        name: str = huggingface_config.hidden_activation
        return name

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        rope, mask = super().layer_kind(index)
        return LayerKind(rope, replace(mask, softcap=self.attention_soft_cap))
