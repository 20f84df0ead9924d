"""Names of a Phi checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

_SAFETENSORS = Renames(
    {
        **SAFETENSORS_NAMES,
        "dense": "o_proj",
        "q_layernorm": "q_norm",
        "k_layernorm": "k_norm",
        "fc1": "up_proj",
        "fc2": "down_proj",
        "final_layernorm": "norm",
    }
)


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint."""
    return _SAFETENSORS(state_dict)
