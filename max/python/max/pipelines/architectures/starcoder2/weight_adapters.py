"""Names of a StarCoder2 checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

_SAFETENSORS = Renames({**SAFETENSORS_NAMES, "c_fc": "up_proj", "c_proj": "down_proj"})


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint."""
    return _SAFETENSORS(state_dict)
