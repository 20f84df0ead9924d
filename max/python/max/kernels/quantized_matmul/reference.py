"""What `max::quantized_matmul` computes."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows

# Elements of the weight that are decoded at a time: no decoded copy of it ever exists.
_CHUNK_ELEMENTS = 2**20


def quantized_matmul_reference(
    x: torch.Tensor, weight: torch.Tensor, encoding: str
) -> torch.Tensor:
    """`x @ decoded(weight).T`, in float32.

    Args:
        x: floating point [..., in].
        weight: uint8 [out, bytes of a row]; each row is blocks of the encoding.
        encoding: value of a `QuantizationEncoding`, as "q4_k".

    Returns:
        [..., out] of x's dtype.
    """
    kind = QuantizationEncoding(encoding)
    wide = x.float()
    out = x.new_empty(*x.shape[:-1], weight.shape[0])
    rows = max(1, _CHUNK_ELEMENTS // max(1, x.shape[-1]))
    for start in range(0, weight.shape[0], rows):
        decoded = dequantize_rows(weight[start : start + rows], kind)
        out[..., start : start + rows] = wide @ decoded.T
    return out
