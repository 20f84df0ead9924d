"""What all formats of weight files have in common."""

from __future__ import annotations

from typing import NamedTuple

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding
from max.graph.shape import Shape

LFS_POINTER = b"version https://git-lfs"


class WeightsFileError(ValueError):
    """A weight file that is missing or cannot be read."""


class TensorInfo(NamedTuple):
    """What a file says of a tensor.

    Attributes:
        dtype: of its elements; uint8 when they are encoded.
        shape: of what is stored: the last axis counts bytes when the rows are encoded.
        quantization_encoding: of its rows; None for plain elements.
    """

    dtype: DType
    shape: Shape
    quantization_encoding: QuantizationEncoding | None = None


def truncated(size: int, expected: int, at_least: str = "") -> str:
    """Says that a file is shorter than its header tells."""
    return (
        f"it has {size} bytes instead of {at_least}{expected}; "
        "an interrupted download? Delete it and try again"
    )
