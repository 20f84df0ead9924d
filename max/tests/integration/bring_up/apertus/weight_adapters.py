"""Names of an Apertus checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import COMPUTED_TABLES, Renames

_NAMES = Renames(
    {
        "model.": "",
        "attention_layernorm": "input_layernorm",
        "feedforward_layernorm": "post_attention_layernorm",
        "act_fn": "activation",
    },
    dropped=(*COMPUTED_TABLES, "act_fn.beta", "act_fn.eps"),
)


def convert_checkpoint(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint."""
    return _NAMES(state_dict)
