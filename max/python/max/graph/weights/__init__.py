"""Weights of checkpoints: read lazily from files, handed to graphs and modules by name.

Names are imported when they are first used: formats and headers are had without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from max.graph.weights.format import WeightsFormat, file_format, is_gguf, weights_format
    from max.graph.weights.gguf_weights import GGUFWeights
    from max.graph.weights.headers.errors import WeightsFileError
    from max.graph.weights.headers.gguf import GGUFHeader, read_gguf_header
    from max.graph.weights.load import load_weights
    from max.graph.weights.renames import Renames
    from max.graph.weights.safetensor_weights import SafetensorWeights
    from max.graph.weights.weight_data import Deferred, WeightData
    from max.graph.weights.weights import Weights, WeightsAdapter

__all__ = [
    "Deferred",
    "GGUFHeader",
    "GGUFWeights",
    "Renames",
    "SafetensorWeights",
    "WeightData",
    "Weights",
    "WeightsAdapter",
    "WeightsFileError",
    "WeightsFormat",
    "file_format",
    "is_gguf",
    "load_weights",
    "read_gguf_header",
    "weights_format",
]

# Where the names are; light modules first.
_HOMES = (
    "format",
    "headers.errors",
    "headers.gguf",
    "gguf_weights",
    "safetensor_weights",
    "weight_data",
    "weights",
    "renames",
    "load",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            found = importlib.import_module(f"{__name__}.{home}")
            if hasattr(found, name):
                return globals().setdefault(name, getattr(found, name))
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
