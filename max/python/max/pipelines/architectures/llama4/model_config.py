"""What a Llama 4 model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from max.nn import Mask
from max.nn.moe import Routing
from max.pipelines.architectures.llama4.checkpoint import LLAMA4_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import FULL, LayerKind
from max.pipelines.lib.expert_layers import ExpertsConfig, ExpertSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_CHUNKED = "chunked_attention"


@dataclass(kw_only=True)
class Llama4Config(ExpertsConfig):
    """A decoder's configuration with experts in some layers.

    Args:
        has_rope: whether the queries and keys of each layer are turned.
        normalizes_heads: whether those that are turned are normalized.
        chunk: positions of a chunk, within which chunked layers attend.
        query_growth: in layers without angles queries at position p grow by
            `1 + growth * log(1 + floor((p + 1) / step))`; 0 for queries that do not.
        growth_step: that step.
    """

    config_fields: ClassVar[ConfigFields | None] = LLAMA4_FIELDS
    drops_old_pages: ClassVar[bool] = True
    rope_is_interleaved: ClassVar[bool] = True

    has_rope: Sequence[bool] = ()
    normalizes_heads: bool = True
    chunk: int = 0
    query_growth: float = 0.0
    growth_step: int = 1

    @classmethod
    def fields(cls, huggingface_config: PretrainedConfig) -> Mapping[str, Any]:
        """See `DecoderConfig.fields`."""
        hf = huggingface_config
        return {
            **super().fields(hf),
            "has_rope": [bool(has_rope) for has_rope in hf.no_rope_layers],
            "normalizes_heads": bool(hf.use_qk_norm),
            "chunk": hf.attention_chunk_size or 0,
            "query_growth": hf.attn_scale if hf.attn_temperature_tuning else 0.0,
            "growth_step": hf.floor_scale,
        }

    @staticmethod
    def get_intermediate_size(huggingface_config: PretrainedConfig) -> int:
        """Width inside the MLP of layers without experts: `intermediate_size_mlp`."""
        size: int = huggingface_config.intermediate_size_mlp
        return size

    def layer_kind(self, index: int) -> LayerKind:
        """See `DecoderConfig.layer_kind`."""
        kind = self.layer_types[index]
        masks = {FULL: Mask(), _CHUNKED: Mask(chunk=self.chunk)}
        if kind not in masks:
            raise ValueError(
                f"layer {index} is of the kind '{kind}' (layer_types), which is not supported; "
                f"known: {', '.join(masks)}"
            )
        return LayerKind(self.usual_rope() if self.has_rope[index] else None, masks[kind])

    @classmethod
    def get_experts(cls, huggingface_config: PretrainedConfig) -> ExpertSettings:
        """See `ExpertsConfig.get_experts`."""
        hf = huggingface_config
        return ExpertSettings(
            count=hf.num_local_experts,
            width=hf.intermediate_size,
            routing=Routing(hf.num_experts_per_tok, "sigmoid"),
            dense_layers=frozenset(range(hf.num_hidden_layers)) - frozenset(hf.moe_layers),
            shared_width=hf.intermediate_size,
            activation=hf.hidden_act,
            scales_input=True,
        )
