"""GGUF files as one mapping of tensors. They are mapped into memory: nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch

from max.dtype import DType
from max.graph.quantization import BLOCK_ENCODINGS, encoding_of_ggml_type
from max.graph.shape import Shape
from max.graph.weights.gguf_header import GGUFTensor, read_gguf_header
from max.graph.weights.mapped_file import MappedFile
from max.graph.weights.weights_file import TensorInfo, WeightsFileError, truncated

# Numbers of ggml.h's `ggml_type`.
DTYPES = {
    0: DType.float32,
    1: DType.float16,
    24: DType.int8,
    25: DType.int16,
    26: DType.int32,
    27: DType.int64,
    28: DType.float64,
    30: DType.bfloat16,
}
_OTHER_TYPES = {
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    29: "IQ1_M",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
}


class _Place(NamedTuple):
    file: MappedFile
    start: int
    size: int
    info: TensorInfo


def tensor_info(name: str, tensor: GGUFTensor, path: Path) -> TensorInfo:
    """What is stored of a tensor.

    Raises:
        WeightsFileError: if its type is not one that is read, or its rows are no whole blocks.
    """
    dtype = DTYPES.get(tensor.ggml_type)
    if dtype is not None:
        return TensorInfo(dtype, Shape(tensor.shape))
    encoding = encoding_of_ggml_type(tensor.ggml_type)
    if encoding is None:
        kind = _OTHER_TYPES.get(tensor.ggml_type, f"number {tensor.ggml_type}")
        known = ", ".join([e.name for e in BLOCK_ENCODINGS] + ["F32", "F16", "BF16"])
        raise WeightsFileError(
            f"tensor '{name}' of {path} has the type {kind}, which is not supported; use a file "
            f"whose tensors are of {known}"
        )
    if not tensor.shape:
        raise WeightsFileError(f"tensor '{name}' of {path} is {encoding.name} but has no axes")
    *rows, elements = tensor.shape
    try:
        shape = Shape([*rows, encoding.row_bytes(elements)])
    except ValueError as error:
        raise WeightsFileError(f"tensor '{name}' of {path}: {error}") from error
    return TensorInfo(DType.uint8, shape, encoding)


class GGUFFiles(Mapping[str, torch.Tensor]):
    """The tensors of a checkpoint's files by name; getting one maps it, and copies nothing.

    Args:
        paths: the files; each tensor is in one of them.

    Raises:
        WeightsFileError: if a file is missing, truncated or something else, if two of them have a
            tensor of one name, or if one's type is not read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._places: dict[str, _Place] = {}
        for path in paths:
            self._add(path)

    def info(self, name: str) -> TensorInfo:
        """What is told of a tensor.

        Raises:
            KeyError: if there is no such tensor.
        """
        return self._places[name].info

    def __getitem__(self, name: str) -> torch.Tensor:
        file, start, _, info = self._places[name]
        return file.tensor(info, start)

    def release(self, name: str, size: int | None = None) -> None:
        """Gives back the memory that reading a tensor took; it can be read again.

        Args:
            name: of the tensor.
            size: its first bytes only.
        """
        file, start, whole, _ = self._places[name]
        file.release(start, whole if size is None else size)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def _add(self, path: Path) -> None:
        header = read_gguf_header(path)
        file = MappedFile(path)
        for name, tensor in header.tensors.items():
            info = tensor_info(name, tensor, path)
            start = header.data_start + tensor.offset
            size = prod(info.shape.static_dims) * info.dtype.size_in_bytes
            if start + size > header.size:
                reason = truncated(header.size, start + size, "at least ")
                raise WeightsFileError(f"tensor '{name}' is not whole in {path}: {reason}")
            if tensor.offset % info.dtype.size_in_bytes:
                raise WeightsFileError(f"tensor '{name}' of {path} is not aligned; is it damaged?")
            if name in self._places:
                raise WeightsFileError(
                    f"tensor '{name}' is in two files, {self._places[name].file.path} and {path}: "
                    "are they shards of two checkpoints?"
                )
            self._places[name] = _Place(file, start, size, info)
