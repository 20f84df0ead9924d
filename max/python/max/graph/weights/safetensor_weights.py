"""Weights of safetensors files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from max.graph.weights.file_weights import FileWeights
from max.graph.weights.format import weight_paths
from max.graph.weights.safetensors_files import SafetensorsFiles


class SafetensorWeights(FileWeights):
    """`Weights` of one safetensors file or of shards. Elements stay on disk until they are used.

    Args:
        filepaths: the files.

    Raises:
        WeightsFileError: if one is missing or corrupt, or a tensor is in two of them.
    """

    def __init__(self, filepaths: Sequence[str | PathLike[str]] | str | PathLike[str]) -> None:
        super().__init__(SafetensorsFiles(weight_paths(filepaths)))
