"""What `max::planes_linear` computes, in plain torch."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.layouts.planes import Planes


def planes_linear_reference(
    x: torch.Tensor, planes: torch.Tensor, rows: int, columns: int, encoding: str
) -> torch.Tensor:
    """`x @ decoded(weight).T`, in float32.

    Implementations may round the decoded weight to x's dtype.

    Args:
        x: floating point [..., columns].
        planes: the weight in `Planes`, uint8 [bytes].
        rows: of the weight.
        columns: of the weight.
        encoding: of the weight.

    Returns:
        [..., rows] of x's dtype.
    """
    weight = Planes(rows, columns, encoding).rows_of(planes)
    decoded = dequantize_rows(weight, QuantizationEncoding(encoding))
    return (x.float() @ decoded.T).to(x.dtype)
