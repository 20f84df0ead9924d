"""MXFP4 stacks as Hugging Face's files have them, in the order of bytes that our kernels read.

A block is 32 elements of four bits and an exponent. Hugging Face has two tensors, `blocks`
[experts, out, in / 32, 16] and `scales` [experts, out, in / 32], where a byte holds neighbours, the
first one low. GGUF files, and so `QuantizationEncoding.MXFP4`, have the exponent before the bytes,
of which byte i holds elements i (low) and i + 16.
"""

from __future__ import annotations

import torch

from max.dtype import DType
from max.graph import Shape
from max.graph.quantization import QuantizationEncoding
from max.graph.weights import WeightData


def mxfp4_stack(blocks: WeightData, scales: WeightData, name: str, rows: slice) -> WeightData:
    """Some outputs of each matrix, encoded as they are: nothing is expanded.

    Args:
        blocks: uint8 [experts, out, in / 32, 16].
        scales: uint8 [experts, out, in / 32].
        name: of the result.
        rows: which outputs.

    Raises:
        ValueError: if the two do not fit.
    """
    experts, out, count, width = blocks.shape.static_dims
    if width != 16 or scales.shape.static_dims != [experts, out, count]:
        raise ValueError(
            f"'{blocks.name}' {blocks.shape} and '{scales.name}' {scales.shape} are no MXFP4 "
            "matrices: expected [experts, out, in / 32, 16] and [experts, out, in / 32]"
        )

    def make() -> torch.Tensor:
        stack, exponents = blocks.to_buffer().tensor, scales.to_buffer().tensor
        made = torch.empty(shape, dtype=torch.uint8)
        for expert, to in enumerate(made.unflatten(-1, (count, -1))):
            to[..., 0] = exponents[expert, rows]
            to[..., 1:] = _reordered(stack[expert, rows])
        if scales.release_pages is not None:
            scales.release_pages(None)
        return made

    row_bytes = QuantizationEncoding.MXFP4.row_bytes(32 * count)
    shape = [experts, len(range(*rows.indices(out))), row_bytes]
    encoding = QuantizationEncoding.MXFP4
    part = blocks.derived(make, DType.uint8, Shape(shape), encoding)
    return WeightData(part.data, name, part.dtype, part.shape, encoding)


def _reordered(pairs: torch.Tensor) -> torch.Tensor:
    elements = torch.stack([pairs & 15, pairs >> 4], dim=-1).flatten(-2)
    return elements[..., :16] | elements[..., 16:] << 4
