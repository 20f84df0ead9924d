"""Weights of checkpoints: read lazily from files, handed to graphs and modules by name."""

from max.graph.weights.format import WeightsFormat, weights_format
from max.graph.weights.load import load_weights
from max.graph.weights.safetensor_weights import SafetensorWeights
from max.graph.weights.safetensors_files import WeightsFileError
from max.graph.weights.weight_data import WeightData
from max.graph.weights.weights import Weights, WeightsAdapter

__all__ = [
    "SafetensorWeights",
    "WeightData",
    "Weights",
    "WeightsAdapter",
    "WeightsFileError",
    "WeightsFormat",
    "load_weights",
    "weights_format",
]
