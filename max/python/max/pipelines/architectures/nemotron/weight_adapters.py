"""A Nemotron checkpoint's weights, as the model has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from max.dtype import DType
from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

_SAFETENSORS = Renames(SAFETENSORS_NAMES)


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint; those of norms are stored less one."""
    return {
        name: _plus_one(data) if name.endswith("norm.weight") else data
        for name, data in _SAFETENSORS(state_dict).items()
    }


def _plus_one(data: WeightData) -> WeightData:
    return data.derived(lambda: data.to_buffer().tensor.float() + 1, DType.float32)
