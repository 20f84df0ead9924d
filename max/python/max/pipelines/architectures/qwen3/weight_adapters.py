"""Names of a Qwen3 GGUF file's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.architectures.llama3.weight_adapters import LLAMA_GGUF_MAPPING

QWEN3_GGUF_MAPPING = {
    **LLAMA_GGUF_MAPPING,
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
}
_GGUF = Renames(QWEN3_GGUF_MAPPING)


def convert_gguf_state_dict(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights of a GGUF file."""
    return _GGUF(state_dict)
