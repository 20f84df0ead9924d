"""Names of a GLM 4 checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import (
    GGUF_SANDWICH_NAMES,
    SAFETENSORS_NAMES,
    split_stacked,
)

_SAFETENSORS = Renames(
    {
        **SAFETENSORS_NAMES,
        "post_self_attn_layernorm": "post_attention_layernorm",
        "post_attention_layernorm": "pre_feedforward_layernorm",
        "post_mlp_layernorm": "post_feedforward_layernorm",
    }
)
_GGUF = Renames({**GGUF_SANDWICH_NAMES, "ffn_up": "mlp.gate_up_proj"})


def convert_safetensors(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint, and takes stacked ones apart."""
    return split_stacked(_SAFETENSORS(state_dict), huggingface_config)


def convert_gguf(
    state_dict: Mapping[str, Weights], huggingface_config: PretrainedConfig, **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a GGUF file, and takes stacked ones apart."""
    return split_stacked(_GGUF(state_dict), huggingface_config)
