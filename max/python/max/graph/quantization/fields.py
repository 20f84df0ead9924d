"""Parts of blocks: float16 scales, and fields of a few bits."""

from __future__ import annotations

import torch


def halves(blocks: torch.Tensor, start: int) -> torch.Tensor:
    """The float16 at a byte of each block, as float32 [blocks, 1]."""
    return blocks[:, start : start + 2].contiguous().view(torch.float16).float()


def fields(data: torch.Tensor, group: int, bits: int) -> torch.Tensor:
    """Fields of `bits` bits: all bytes' lowest of a group of bytes first, then the next.

    Args:
        data: uint8 [blocks, bytes].
        group: bytes of a group.
        bits: of a field; divides 8.

    Returns:
        uint8 [blocks, bytes * 8 / bits].
    """
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8, device=data.device).reshape(1, 1, -1, 1)
    grouped = data.reshape(len(data), -1, 1, group)
    return ((grouped >> shifts) & ((1 << bits) - 1)).reshape(len(data), -1)
