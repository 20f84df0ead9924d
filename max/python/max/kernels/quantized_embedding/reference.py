"""What `max::quantized_embedding` computes."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows


def quantized_embedding_reference(
    weight: torch.Tensor, indices: torch.Tensor, encoding: str, dtype: torch.dtype
) -> torch.Tensor:
    """The decoded rows of the table that the indices name.

    Args:
        weight: uint8 [vocab, bytes of a row]; each row is blocks of the encoding.
        indices: integers [...], each from 0 to vocab - 1.
        encoding: value of a `QuantizationEncoding`, as "q4_k".
        dtype: of the result.

    Returns:
        [..., elements of a row].

    Raises:
        IndexError: for an index beyond the table.
    """
    rows = weight[indices.long()]
    return dequantize_rows(rows, QuantizationEncoding(encoding)).to(dtype)
