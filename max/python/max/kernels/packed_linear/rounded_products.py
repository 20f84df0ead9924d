"""What `max::packed_linear` computes with weights of blocks (here not in panels), in torch."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.layouts.panels import BLOCK_UNITS

# As in include/quantized_activations.h.
_SUMMED, _MOST_SUMMED = 16, 1023


def rounded_activations(x: torch.Tensor, block: int) -> torch.Tensor:
    """The activations as the kernel multiplies them: signed bytes times a scale of `block` of them.

    Args:
        x: floating point [..., elements].
        block: how many elements share a scale; divides them. In a block of more than 32 the
            magnitudes of 16 bytes sum up to no more than 1023: the scale is larger where half of
            the largest element is less than their mean.

    Returns:
        float64, the same shape.
    """
    blocks: torch.Tensor = x.float().unflatten(-1, (x.shape[-1] // block, block))
    largest = blocks.abs().amax(-1, keepdim=True)
    if block > 32:
        sums = _to_bytes(blocks, largest).abs().unflatten(-1, (block // _SUMMED, _SUMMED)).sum(-1)
        most = sums.amax(-1, keepdim=True)
        largest = torch.where(most > _MOST_SUMMED, largest * (most / 1007), largest)
    return (_to_bytes(blocks, largest).double() * (largest / 127).double()).reshape(x.shape)


def _to_bytes(blocks: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    # Not 127 / largest, which torch computes as a reciprocal times 127.
    inverse = torch.where(largest > 0, torch.full_like(largest, 127) / largest, 0)
    return (blocks * inverse).round()


def rounded_product(x: torch.Tensor, weight: torch.Tensor, encoding: str) -> torch.Tensor:
    """`rounded(x) @ decoded(weight).T` in double precision.

    Args:
        x: floating point [..., in_features].
        weight: uint8 [out_features, bytes of a row], not packed.
        encoding: of the weight.

    Returns:
        float64 [..., out_features].
    """
    decoded = dequantize_rows(weight, QuantizationEncoding(encoding)).double()
    return rounded_activations(x, BLOCK_UNITS[encoding].rounded) @ decoded.T
