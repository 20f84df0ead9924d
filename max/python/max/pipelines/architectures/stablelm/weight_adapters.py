"""Names of a StableLM checkpoint's weights, as the model has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from max.graph import Shape
from max.graph.weights import WeightData, Weights
from max.graph.weights.renames import Renames
from max.pipelines.lib.decoder_weights import SAFETENSORS_NAMES

_SAFETENSORS = Renames({**SAFETENSORS_NAMES, "q_layernorm": "q_norm", "k_layernorm": "k_norm"})
_OF_HEAD = re.compile(r"\.norms\.(\d+)\.")


def convert_safetensors(state_dict: Mapping[str, Weights], **unused: Any) -> dict[str, WeightData]:
    """Renames the weights of a safetensors checkpoint, and stacks the norms of all heads."""
    found: dict[str, WeightData] = {}
    heads: dict[str, dict[int, WeightData]] = {}
    for name, data in _SAFETENSORS(state_dict).items():
        if head := _OF_HEAD.search(name):
            heads.setdefault(_OF_HEAD.sub(".", name), {})[int(head[1])] = data
        else:
            found[name] = data
    for name, norms in heads.items():
        rows = [norms[index] for index in sorted(norms)]
        shape = Shape([len(rows), *rows[0].shape.static_dims])
        found[name] = rows[0].derived(partial(_stacked, rows), rows[0].dtype, shape)
    return found


def _stacked(rows: list[WeightData]) -> torch.Tensor:
    return torch.stack([row.to_buffer().tensor for row in rows])
