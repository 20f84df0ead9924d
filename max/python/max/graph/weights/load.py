"""Opening a checkpoint's weights."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from max.graph.weights.format import WeightsFormat, weights_format
from max.graph.weights.gguf_weights import GGUFWeights
from max.graph.weights.safetensor_weights import SafetensorWeights
from max.graph.weights.weights import Weights


def load_weights(paths: Sequence[str | PathLike[str]] | str | PathLike[str]) -> Weights:
    """The weights of one file, or of a checkpoint's parts. Elements are read when used.

    Raises:
        ValueError: if the files are missing, corrupt, or of a format that is not read.
    """
    if weights_format(paths) is WeightsFormat.gguf:
        return GGUFWeights(paths)
    return SafetensorWeights(paths)
