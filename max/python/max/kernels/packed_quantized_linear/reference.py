"""What `max::packed_quantized_linear` computes, in plain torch, of weights as the file has them."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.packed_quantized_linear.packing import activation_block


def rounded_activations(x: torch.Tensor, block: int) -> torch.Tensor:
    """The activations as the kernel multiplies them: signed bytes times a scale of `block` of them.

    Args:
        x: floating point [..., elements].
        block: how many elements share a scale; divides them.

    Returns:
        float64, the same shape.
    """
    blocks: torch.Tensor = x.float().unflatten(-1, (x.shape[-1] // block, block))
    largest = blocks.abs().amax(-1, keepdim=True)
    # Not 127 / largest, which torch computes as a reciprocal times 127.
    inverse = torch.where(largest > 0, torch.full_like(largest, 127) / largest, 0)
    return ((blocks * inverse).round().double() * (largest / 127).double()).reshape(x.shape)


def packed_quantized_linear_oracle(
    x: torch.Tensor, weight: torch.Tensor, encoding: str
) -> torch.Tensor:
    """`rounded(x) @ decoded(weight).T` in double precision.

    Args:
        x: floating point [..., in_features].
        weight: uint8 [out_features, bytes of a row], not packed.
        encoding: of the weight.

    Returns:
        float64 [..., out_features].
    """
    decoded = dequantize_rows(weight, QuantizationEncoding(encoding)).double()
    return rounded_activations(x, activation_block(encoding)) @ decoded.T
