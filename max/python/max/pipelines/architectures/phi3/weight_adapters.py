"""Names of a Phi 3 checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import GGUF_NAMES, SAFETENSORS_NAMES, split_stacked

_SAFETENSORS = Renames(SAFETENSORS_NAMES)
_GGUF = Renames({**GGUF_NAMES, "ffn_up": "mlp.gate_up_proj"})


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
