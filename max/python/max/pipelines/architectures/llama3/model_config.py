"""What a Llama model is, and what packages say of models that differ from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from max.graph.weights import WeightData
from max.nn import ReturnHiddenStates, ReturnLogits
from max.pipelines.architectures.llama3.checkpoint import LLAMA_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.lib.decoder_config import DecoderConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig

NormMethod = Literal["rms_norm", "layer_norm"]


@dataclass(kw_only=True)
class Llama3Config(DecoderConfig):
    """A decoder's configuration with the settings that the documentation gives Llama's.

    Args:
        norm_method: "rms_norm", or "layer_norm" for layer norms without weights.
        stacked_qkv: whether the checkpoint has one projection for q, k, v.
        clip_qkv: limit of the magnitude of q, k, v.
        use_qk_norm: whether each head's q and k are normalized.
    """

    config_fields: ClassVar[ConfigFields | None] = LLAMA_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True

    norm_method: NormMethod = "rms_norm"
    stacked_qkv: bool = False
    clip_qkv: float | None = None
    use_qk_norm: bool = False

    def finalize(
        self,
        huggingface_config: PretrainedConfig,
        state_dict: Mapping[str, WeightData],
        return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN,
        return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE,
        norm_method: NormMethod | None = None,
        attention_bias: bool | None = None,
    ) -> None:
        """See `DecoderConfig.finalize`.

        Args:
            huggingface_config: config.json.
            state_dict: the weights under our names.
            return_logits: which logits the graph gives.
            return_hidden_states: which hidden states it gives beside them.
            norm_method: the field of that name, where it is given.
            attention_bias: likewise.
        """
        super().finalize(huggingface_config, state_dict, return_logits, return_hidden_states)
        self.norm_method = norm_method or self.norm_method
        if attention_bias is not None:
            self.attention_bias = attention_bias
