"""GGUF files as one mapping of tensors. They are mapped into memory: nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch

from max.graph.weights.headers.errors import WeightsFileError, truncated
from max.graph.weights.headers.gguf import read_gguf_header
from max.graph.weights.headers.gguf_types import tensor_info
from max.graph.weights.headers.tensor_info import TensorInfo
from max.graph.weights.mapped_file import MappedFile


class _Place(NamedTuple):
    file: MappedFile
    start: int
    size: int
    info: TensorInfo


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
            size = prod(info.shape) * info.dtype.size_in_bytes
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
