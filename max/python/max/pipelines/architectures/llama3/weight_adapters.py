"""Names of a Llama checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights

# Hugging Face's name -> ours, as replacements in this order.
LLAMA_SAFETENSOR_MAPPING = {"model.": ""}

# Tables that old checkpoints carry and that the model computes itself.
_COMPUTED = ("rotary_emb.inv_freq", "rope_freqs.weight")


def convert_safetensor_state_dict(
    state_dict: Mapping[str, Weights],
    **unused: Any,
) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint.

    Args:
        state_dict: weights by Hugging Face's names, `model.layers.0.self_attn.q_proj.weight`.
        unused: settings that other adapters need.

    Returns:
        The weights by our names, `layers.0.self_attn.q_proj.weight`.
    """
    converted: dict[str, WeightData] = {}
    for name, value in state_dict.items():
        if name.endswith(_COMPUTED):
            continue
        for theirs, ours in LLAMA_SAFETENSOR_MAPPING.items():
            name = name.replace(theirs, ours)
        converted[name] = value.data()
    return converted
