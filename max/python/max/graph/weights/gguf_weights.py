"""Weights of GGUF files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

from max.graph.weights.file_weights import FileWeights
from max.graph.weights.format import weight_paths
from max.graph.weights.gguf_files import GGUFFiles


class GGUFWeights(FileWeights):
    """`Weights` of one GGUF file or of its parts, under the names of the file.

    Quantized tensors stay as they are: `data()` gives bytes, [..., bytes of a row], and their
    encoding. Elements stay on disk until they are used.

    Args:
        filepaths: the files.

    Raises:
        WeightsFileError: if one is missing or corrupt, a tensor is in two of them, or a tensor's
            type is not read.
    """

    def __init__(self, filepaths: Sequence[str | PathLike[str]] | str | PathLike[str]) -> None:
        super().__init__(GGUFFiles(weight_paths(filepaths)))
