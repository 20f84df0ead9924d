"""Names of a Qwen3 embedder's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import COMPUTED_TABLES, Renames
from max.pipelines.architectures.llama3.weight_adapters import LLAMA_SAFETENSOR_MAPPING
from max.pipelines.architectures.qwen3.weight_adapters import QWEN3_GGUF_MAPPING

_SAFETENSORS = Renames(LLAMA_SAFETENSOR_MAPPING, dropped=(*COMPUTED_TABLES, "lm_head"))
_GGUF = Renames(QWEN3_GGUF_MAPPING, dropped=(*COMPUTED_TABLES, "output"))


def convert_safetensor_state_dict(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """Renames the weights; the head, which some files have, is left out."""
    return _SAFETENSORS(state_dict)


def convert_gguf_state_dict(
    state_dict: Mapping[str, Weights], **unused: Any
) -> dict[str, WeightData]:
    """The same of a GGUF file."""
    return _GGUF(state_dict)
