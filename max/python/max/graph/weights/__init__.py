"""Weights of checkpoints: read lazily from files, handed to graphs and modules by name."""

from max.graph.weights.format import WeightsFormat, weights_format
from max.graph.weights.gguf_header import GGUFHeader, read_gguf_header
from max.graph.weights.gguf_weights import GGUFWeights
from max.graph.weights.load import load_weights
from max.graph.weights.renames import Renames
from max.graph.weights.safetensor_weights import SafetensorWeights
from max.graph.weights.weight_data import Deferred, WeightData
from max.graph.weights.weights import Weights, WeightsAdapter
from max.graph.weights.weights_file import WeightsFileError

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
    "load_weights",
    "read_gguf_header",
    "weights_format",
]
