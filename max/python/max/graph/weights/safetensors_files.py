"""Safetensors files as one mapping of tensors. They are mapped into memory: nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from max.dtype import DType
from max.graph.weights.headers.errors import WeightsFileError
from max.graph.weights.headers.safetensors import SafetensorsTensor, read_safetensors_header
from max.graph.weights.headers.tensor_info import TensorInfo
from max.graph.weights.mapped_file import MappedFile

_DTYPES = {
    "BOOL": DType.bool,
    "I8": DType.int8,
    "I16": DType.int16,
    "I32": DType.int32,
    "I64": DType.int64,
    "U8": DType.uint8,
    "U16": DType.uint16,
    "U32": DType.uint32,
    "U64": DType.uint64,
    "F8_E4M3": DType.float8_e4m3fn,
    "F16": DType.float16,
    "BF16": DType.bfloat16,
    "F32": DType.float32,
    "F64": DType.float64,
}


class _Place(NamedTuple):
    """Where a tensor stands."""

    file: MappedFile
    entry: SafetensorsTensor


class SafetensorsFiles(Mapping[str, torch.Tensor]):
    """The tensors of a checkpoint's files by name; getting one maps it, and copies nothing.

    Args:
        paths: the files; each tensor is in one of them.

    Raises:
        WeightsFileError: if a file is missing, truncated or something else, or if two of them
            have a tensor of one name.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._places: dict[str, _Place] = {}
        for path in paths:
            self._add(path)

    def info(self, name: str) -> TensorInfo:
        """What is told of a tensor.

        Raises:
            KeyError: if there is no such tensor.
            WeightsFileError: if its elements are of a type that no DType is.
        """
        file, entry = self._places[name]
        dtype = _DTYPES.get(entry.dtype)
        if dtype is None:
            raise WeightsFileError(
                f"tensor '{name}' of {file.path} has the type {entry.dtype}; "
                f"known are {', '.join(_DTYPES)}"
            )
        return TensorInfo(dtype, entry.shape)

    def __getitem__(self, name: str) -> torch.Tensor:
        file, entry = self._places[name]
        return file.tensor(self.info(name), entry.start)

    def release(self, name: str, size: int | None = None) -> None:
        """Gives back the memory that reading a tensor took; it can be read again.

        Args:
            name: of the tensor.
            size: its first bytes only.
        """
        file, entry = self._places[name]
        file.release(entry.start, entry.size if size is None else size)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def _add(self, path: Path) -> None:
        header = read_safetensors_header(path)
        mapped = MappedFile(path)
        for name, entry in header.items():
            if name in self._places:
                raise WeightsFileError(
                    f"tensor '{name}' is in two files, {self._places[name].file.path} and {path}: "
                    "are they shards of two checkpoints?"
                )
            self._places[name] = _Place(mapped, entry)
