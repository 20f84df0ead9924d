"""What all formats of weight files tell of a tensor."""

from __future__ import annotations

from typing import NamedTuple

from max.dtype import DType
from max.graph.quantization import QuantizationEncoding


class TensorInfo(NamedTuple):
    """What a file says of a tensor.

    Attributes:
        dtype: of its elements; uint8 when they are encoded.
        shape: of what is stored: the last axis counts bytes when the rows are encoded.
        quantization_encoding: of its rows; None for plain elements.
    """

    dtype: DType
    shape: tuple[int, ...]
    quantization_encoding: QuantizationEncoding | None = None
