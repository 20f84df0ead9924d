"""Names of the weights of a Granite checkpoint with experts, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from max.graph.weights.renames import Renames
from max.nn.moe.stacking import part_of_stack
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

if TYPE_CHECKING:
    from max.graph.weights import WeightData, Weights

_NAMES = Renames(
    {
        **SAFETENSORS_NAMES,
        "block_sparse_moe": "mlp",
        "block_sparse_moe.router.layer": "mlp.router",
        "block_sparse_moe.input_linear": "mlp.experts.gate_up_proj",
        "block_sparse_moe.output_linear": "mlp.experts.down_proj",
    }
)
_BOTH = "experts.gate_up_proj.weight"


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights; the experts' gates are the first half of a stack, up the other."""
    found: dict[str, WeightData] = {}
    for name, data in _NAMES(state_dict).items():
        if not name.endswith(_BOTH):
            found[name] = data
            continue
        width = int(data.shape[1]) // 2
        for part, rows in (("gate_proj", slice(width)), ("up_proj", slice(width, None))):
            own = name.replace("gate_up_proj", part)
            found[own] = part_of_stack(data, own, rows)
    return found
