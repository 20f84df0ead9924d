"""What `max::planes_rows` computes, in plain torch."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.layouts.planes import Planes


def planes_rows_reference(
    planes: torch.Tensor,
    indices: torch.Tensor,
    rows: int,
    columns: int,
    encoding: str,
    dtype: torch.dtype,
) -> torch.Tensor:
    """The decoded rows of the table that the indices name.

    Args:
        planes: the table in `Planes`, uint8 [bytes].
        indices: integers [...], each from 0 to rows - 1.
        rows: of the table.
        columns: of the table.
        encoding: of the table.
        dtype: of the result.

    Returns:
        [..., columns].
    """
    table = Planes(rows, columns, encoding).rows_of(planes)
    return dequantize_rows(table[indices.long()], QuantizationEncoding(encoding)).to(dtype)
