"""Names of a gpt-oss checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from max.graph.weights.renames import Renames
from max.nn.moe.mxfp4 import mxfp4_stack
from max.nn.moe.stacking import part_of_stack
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES
from max.pipelines.lib.expert_weights import GGUF_EXPERT_NAMES

if TYPE_CHECKING:
    from max.graph.weights import WeightData, Weights

_NAMES = Renames(SAFETENSORS_NAMES)
# The experts of GGUF files are our stacks already.
convert_gguf = Renames({**GGUF_EXPERT_NAMES, "attn_sinks.weight": "self_attn.sinks"})
_EXPERTS = ".mlp.experts."
# Gate and up stand in turn.
_PARTS = {
    "gate_up_proj": {"gate_proj": slice(0, None, 2), "up_proj": slice(1, None, 2)},
    "down_proj": {"down_proj": slice(None)},
}


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights; the experts' stacks [experts, in, out], or of blocks, become ours."""
    found: dict[str, WeightData] = {}
    weights = _NAMES(state_dict)
    for name, data in weights.items():
        layer, is_expert, stored = name.partition(_EXPERTS)
        if not is_expert:
            found[name] = data
            continue
        if stored.endswith("_scales"):
            continue  # beside their blocks
        if stored.endswith("_blocks"):
            stem = name.removesuffix("_blocks")
            for part, rows in _PARTS[stored.removesuffix("_blocks")].items():
                own = f"{layer}{_EXPERTS}{part}.weight"
                found[own] = mxfp4_stack(data, weights[f"{stem}_scales"], own, rows)
            continue
        matrix = stored.removesuffix("_bias")
        for part, rows in _PARTS[matrix].items():
            kind = "weight" if matrix == stored else "bias"
            own = f"{layer}{_EXPERTS}{part}.{kind}"
            found[own] = part_of_stack(data, own, rows, transposed=kind == "weight")
    return found
