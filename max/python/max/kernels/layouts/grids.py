"""The grids of encodings as the CPU's kernels read them: `Grid` of `include/grid_blocks.h`."""

from __future__ import annotations

import functools

import torch

from max.graph.quantization import QuantizationEncoding
from max.graph.quantization.grids import grid_of

_OFFSET = 64  # `kDecodedOffset`
_NUMBERS_BYTES = 64


@functools.cache
def kernel_grid(encoding: str) -> torch.Tensor | None:
    """The C struct, uint8: its numbers by their codes, then the vectors as their codes.

    Args:
        encoding: value of a `QuantizationEncoding`.

    Returns:
        None for an encoding without a grid.
    """
    grid = grid_of(QuantizationEncoding(encoding))
    if grid is None:
        return None
    width = grid.shape[1]
    numbers, codes = grid.unique(return_inverse=True)
    second = 2 if width == 8 else 3  # where the second code of a byte begins
    begins = torch.tensor([0, 8, second, 8 + second, 4, 12, 4 + second, 12 + second])[:width]
    vectors = (codes << begins).sum(-1)
    if encoding.startswith("iq1"):  # eighths, and each number has one more or less
        numbers = 8 * numbers + 1
    head = torch.zeros(_NUMBERS_BYTES, dtype=torch.uint8)
    head[: len(numbers)] = (numbers + _OFFSET).to(torch.uint8)
    low_and_high = torch.stack([vectors & 255, vectors >> 8], -1).to(torch.uint8)
    return torch.cat([head, low_and_high.flatten()])
