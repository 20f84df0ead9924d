"""Safetensors files as one mapping of tensors. They are mapped into memory: nothing is copied."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from max.dtype import DType
from max.graph.shape import Shape
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


class SafetensorsFiles(Mapping[str, torch.Tensor]):
    """The tensors of a checkpoint's files by name; getting one maps it, and copies nothing.

    Args:
        paths: the files; each tensor is in one of them.

    Raises:
        WeightsFileError: if a file is missing, truncated or something else, or if two of them
            have a tensor of one name.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files: dict[str, Any] = {}
        path_of: dict[str, Path] = {}
        for path in paths:
            file = _open(path)
            for name in file.keys():  # noqa: SIM118 - not a mapping
                if name in path_of:
                    raise WeightsFileError(
                        f"tensor '{name}' is in two files, {path_of[name]} and {path}: "
                        "are they shards of two checkpoints?"
                    )
                path_of[name] = path
                self._files[name] = file
        self._path_of = path_of

    def info(self, name: str) -> TensorInfo:
        """What is told of a tensor.

        Raises:
            KeyError: if there is no such tensor.
            WeightsFileError: if its elements are of a type that no DType is.
        """
        found = self._files[name].get_slice(name)
        dtype = _DTYPES.get(found.get_dtype())
        if dtype is None:
            raise WeightsFileError(
                f"tensor '{name}' of {self._path_of[name]} has the type {found.get_dtype()}; "
                f"known are {', '.join(_DTYPES)}"
            )
        return TensorInfo(dtype, Shape(found.get_shape()))

    def __getitem__(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._files[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files


def _open(path: Path) -> Any:
    if not path.is_file():
        reason = "it is a directory: give the files in it" if path.is_dir() else "no such file"
        raise WeightsFileError(f"cannot read weights from {path}: {reason}")
    try:
        return safe_open(path, framework="pt", device="cpu")
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
