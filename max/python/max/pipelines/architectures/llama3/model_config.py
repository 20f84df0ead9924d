"""What a Llama model is, and what packages say of models that differ from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.weights import WeightData
from max.nn import LongRoPEScalingParams, ReturnHiddenStates, ReturnLogits
from max.nn.unsupported import reject_unsupported
from max.pipelines.architectures.llama3.checkpoint import LLAMA_FIELDS
from max.pipelines.checkpoint.config_fields import ConfigFields
from max.pipelines.config import LoRAConfig
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
        longrope_scaling_params: `rope_scaling_params` of that kind, where they are given here.
        model_quantization_encoding: of the weights; a layer takes that of the checkpoint.
        lora_config: which adapters there may be; the model takes those of the pipeline's settings.
        use_subgraphs: whether equal layers are compiled once; the code is the same.
        norm_dtype: of the norms' weights: `dtype` in this release.
        quantization_config: none in this release, as `quant_config`: the checkpoint tells.
        stacked_mlp: False in this release, as checkpoints' adapters take such weights apart.
        target_layer_ids: none in this release.
        data_parallel_degree: 1 in this release.
    """

    config_fields: ClassVar[ConfigFields | None] = LLAMA_FIELDS
    gguf_rope_is_interleaved: ClassVar[bool] = True

    norm_method: NormMethod = "rms_norm"
    stacked_qkv: bool = False
    clip_qkv: float | None = None
    use_qk_norm: bool = False
    longrope_scaling_params: LongRoPEScalingParams | None = None
    model_quantization_encoding: QuantizationEncoding | None = None
    lora_config: LoRAConfig | None = None
    use_subgraphs: bool = True
    norm_dtype: DType | None = None
    quantization_config: object = None
    quant_config: object = None
    stacked_mlp: bool = False
    target_layer_ids: Sequence[int] | None = None
    data_parallel_degree: int = 1

    def settle(self) -> None:
        """Refuses what this release does not compute, when a decoder is made of the fields.

        Raises:
            NotImplementedError: naming the fields.
        """
        refused = {
            "norm_dtype": self.norm_dtype not in (None, self.dtype),
            "quantization_config": self.quantization_config is not None,
            "quant_config": self.quant_config is not None,
            "stacked_mlp": self.stacked_mlp,
            "target_layer_ids": bool(self.target_layer_ids),
            "data_parallel_degree": self.data_parallel_degree != 1,
        }
        reject_unsupported(
            type(self).__name__,
            **{name: getattr(self, name) for name, is_refused in refused.items() if is_refused},
        )
        if self.longrope_scaling_params is not None:
            self.rope_scaling_params = self.longrope_scaling_params

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
