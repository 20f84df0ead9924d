"""Names of a Llama 4 checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from max.graph.weights.renames import Renames
from max.nn.moe.stacking import part_of_stack
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

if TYPE_CHECKING:
    from max.graph.weights import WeightData, Weights

_NAMES = Renames({**SAFETENSORS_NAMES, "feed_forward": "mlp"})
_EXPERTS = ".mlp.experts."


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights; the experts' stacks [experts, in, out], gate before up, become ours."""
    found: dict[str, WeightData] = {}
    for name, data in _NAMES(state_dict).items():
        layer, is_expert, stored = name.partition(_EXPERTS)
        if not is_expert:
            found[name] = data
            continue
        width = int(data.shape[2]) // 2
        parts = {
            "gate_up_proj": {"gate_proj": slice(width), "up_proj": slice(width, None)},
            "down_proj": {"down_proj": slice(None)},
        }[stored]
        for part, rows in parts.items():
            own = f"{layer}{_EXPERTS}{part}.weight"
            found[own] = part_of_stack(data, own, rows, transposed=True)
    return found
