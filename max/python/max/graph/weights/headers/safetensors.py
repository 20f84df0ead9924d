"""The header of a safetensors file: which tensors it has, and where. Reads no tensor data.

The format (huggingface/safetensors): 8 bytes with the length of the header, the header (JSON), the
data.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from max.graph.weights.headers.errors import (
    LFS_POINTER,
    WeightsFileError,
    check_is_file,
    truncated,
)

_LENGTH_BYTES = 8
# 100,000 tensors take 12 MB; what is read takes many times as much memory.
_MOST_HEADER_BYTES = 32 << 20
_METADATA = "__metadata__"


class SafetensorsTensor(NamedTuple):
    """One tensor of a safetensors file.

    Attributes:
        dtype: of its elements, as the format names it: "F32".
        shape: in elements, the slowest axis first.
        start: its first byte, from the start of the file.
        size: in bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    size: int


def read_safetensors_header(path: Path) -> Mapping[str, SafetensorsTensor]:
    """The tensors of a file by name.

    Raises:
        WeightsFileError: if the file is missing, truncated or of another format.
    """
    from safetensors import SafetensorError, safe_open

    check_is_file(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if _MOST_HEADER_BYTES < length <= path.stat().st_size:
            raise WeightsFileError(
                f"cannot read weights from {path}: its header has {length} bytes, more than "
                f"{_MOST_HEADER_BYTES >> 20} MiB"
            )
    try:
        with safe_open(path, framework="np"):  # checks every offset
            pass
    except (SafetensorError, OSError) as error:
        raise WeightsFileError(f"cannot read weights from {path}: {_cause(path, error)}") from error
    with path.open("rb") as file:
        file.seek(_LENGTH_BYTES)
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop(_METADATA, None)
    data_start = _LENGTH_BYTES + length
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        shape = tuple(entry["shape"])
        tensors[name] = SafetensorsTensor(entry["dtype"], shape, data_start + start, end - start)
    return tensors


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
        header = file.read(min(length, _MOST_HEADER_BYTES))
    try:
        tensors = json.loads(header)
        ends = [int(t["data_offsets"][1]) for n, t in tensors.items() if n != "__metadata__"]
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
        if header[:1] == b"{" and length > size - _LENGTH_BYTES:
            return truncated(size, _LENGTH_BYTES + length, "at least ")
        return f"it is no safetensors file: {size} bytes that begin with {start[:16]!r} ({error})"
    expected = _LENGTH_BYTES + length + max(ends, default=0)
    if size < expected:
        return truncated(size, expected)
    return f"it has {size} bytes, its header tells of {expected}: {error}"
