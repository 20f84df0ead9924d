"""Safetensors files as one mapping of tensors. They are mapped into memory: nothing is copied."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from max.dtype import DType
from max.graph.shape import Shape
from max.graph.weights.mapped_file import MappedFile
from max.graph.weights.weights_file import (
    LFS_POINTER,
    TensorInfo,
    WeightsFileError,
    truncated,
)

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
_LENGTH_BYTES = 8  # the file: this many bytes of header length, the header (JSON), the data


class _Place(NamedTuple):
    """Where a tensor stands: its file, its entry in the header, and where the data begin."""

    file: MappedFile
    entry: dict[str, Any]
    data_start: int


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
        file, entry, _ = self._places[name]
        dtype = _DTYPES.get(entry["dtype"])
        if dtype is None:
            raise WeightsFileError(
                f"tensor '{name}' of {file.path} has the type {entry['dtype']}; "
                f"known are {', '.join(_DTYPES)}"
            )
        return TensorInfo(dtype, Shape(entry["shape"]))

    def __getitem__(self, name: str) -> torch.Tensor:
        file, entry, data_start = self._places[name]
        return file.tensor(self.info(name), data_start + entry["data_offsets"][0])

    def release(self, name: str, size: int | None = None) -> None:
        """Gives back the memory that reading a tensor took; it can be read again.

        Args:
            name: of the tensor.
            size: its first bytes only.
        """
        file, entry, data_start = self._places[name]
        start, end = entry["data_offsets"]
        file.release(data_start + start, end - start if size is None else size)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def _add(self, path: Path) -> None:
        _check(path)
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(_LENGTH_BYTES))
            header: dict[str, Any] = json.loads(file.read(length))
        header.pop("__metadata__", None)
        mapped = MappedFile(path)
        for name, entry in header.items():
            if name in self._places:
                raise WeightsFileError(
                    f"tensor '{name}' is in two files, {self._places[name].file.path} and {path}: "
                    "are they shards of two checkpoints?"
                )
            self._places[name] = _Place(mapped, entry, _LENGTH_BYTES + length)


def _check(path: Path) -> None:
    """Raises WeightsFileError unless the file is one that the safetensors library accepts."""
    if not path.is_file():
        reason = "it is a directory: give the files in it" if path.is_dir() else "no such file"
        raise WeightsFileError(f"cannot read weights from {path}: {reason}")
    try:
        with safe_open(path, framework="np"):
            return
    except (SafetensorError, OSError) as error:
        raise WeightsFileError(f"cannot read weights from {path}: {_cause(path, error)}") from error


def _cause(path: Path, error: Exception) -> str:
    """Why a file cannot be opened, as far as its first bytes tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(max(_LENGTH_BYTES, len(LFS_POINTER)))
        if start.startswith(LFS_POINTER):
            return "it is a git-lfs pointer, not the weights; run `git lfs pull`"
        if len(start) < _LENGTH_BYTES:
            return f"it has only {size} bytes; an interrupted download? Delete it and try again"
        (length,) = struct.unpack("<Q", start[:_LENGTH_BYTES])
        file.seek(_LENGTH_BYTES)
        header = file.read(min(length, size))
    try:
        tensors = json.loads(header)
        ends = [t["data_offsets"][1] for n, t in tensors.items() if n != "__metadata__"]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        if header[:1] == b"{" and length > len(header):
            return truncated(size, _LENGTH_BYTES + length, "at least ")
        return f"it has {size} bytes but is not in safetensors format ({error})"
    expected = _LENGTH_BYTES + length + max(ends, default=0)
    if size < expected:
        return truncated(size, expected)
    return f"it has {size} bytes, its header tells of {expected}: {error}"
