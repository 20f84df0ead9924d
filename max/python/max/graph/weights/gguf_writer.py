"""Writing GGUF files, one tensor after another: no more than one need be in memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import torch

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.weights.gguf_files import DTYPES

_VERSION = 3
_ALIGNMENT = 32
_STRING = 8
_TYPE_OF_DTYPE = {dtype: number for number, dtype in DTYPES.items()}


class PlannedTensor(NamedTuple):
    """A tensor that is yet to be written.

    Attributes:
        name: in the file.
        shape: in elements.
        kind: of its elements, or of its encoded rows.
    """

    name: str
    shape: tuple[int, ...]
    kind: DType | QuantizationEncoding

    @property
    def num_bytes(self) -> int:
        """What it takes in the file, without padding."""
        *rows, last = self.shape
        if isinstance(self.kind, QuantizationEncoding):
            size = self.kind.row_bytes(last)
        else:
            size = last * self.kind.size_in_bytes
        for axis in rows:
            size *= axis
        return size


def write_gguf(
    path: Path,
    metadata: Mapping[str, str],
    plan: Sequence[PlannedTensor],
    tensors: Iterator[torch.Tensor],
) -> None:
    """Writes a file.

    Args:
        path: the file.
        metadata: entries of text.
        plan: what will come.
        tensors: the tensors in that order, each asked for when the one before has been written:
            elements, or bytes of encoded rows.

    Raises:
        ValueError: if a tensor is not what the plan says.
        OSError: if the file cannot be written.
    """
    with path.open("wb") as file:
        _write_header(file, metadata, plan)
        for planned, tensor in zip(plan, tensors, strict=True):
            if tensor.nbytes != planned.num_bytes:
                raise ValueError(
                    f"tensor '{planned.name}' has {tensor.nbytes} bytes, not {planned.num_bytes}"
                )
            _pad(file)
            flat = tensor.contiguous().reshape(-1).view(torch.uint8)
            file.write(flat.numpy().data)


def _write_header(
    file: BinaryIO, metadata: Mapping[str, str], plan: Sequence[PlannedTensor]
) -> None:
    file.write(b"GGUF" + struct.pack("<IQQ", _VERSION, len(plan), len(metadata)))
    for key, value in metadata.items():
        file.write(_text(key) + struct.pack("<I", _STRING) + _text(value))
    offset = 0
    for tensor in plan:
        number = (
            tensor.kind.ggml_type
            if isinstance(tensor.kind, QuantizationEncoding)
            else _TYPE_OF_DTYPE[tensor.kind]
        )
        axes = tuple(reversed(tensor.shape))
        layout = struct.pack(f"<I{len(axes)}QIQ", len(axes), *axes, number, offset)
        file.write(_text(tensor.name) + layout)
        offset += -(-tensor.num_bytes // _ALIGNMENT) * _ALIGNMENT
    _pad(file)


def _pad(file: BinaryIO) -> None:
    file.write(bytes(-file.tell() % _ALIGNMENT))


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded
