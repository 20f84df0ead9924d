"""Memory for the intermediate tensors of recorded programs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

_ALIGNMENT = 64


class Arena:
    """Blocks of memory that tensors of a program take in turns.

    The programs of a model share one arena, since one runs at a time and nothing in it outlives a
    run. While a program is recorded, `take` and `release` follow the lives of its tensors; the
    addresses are what is recorded. Recorded programs keep their blocks, so blocks only come to be:
    their sizes are powers of two, so that steps that grow little by little take about twice the
    memory of the largest, not the sum of all.
    """

    def __init__(self) -> None:
        self._blocks: list[torch.Tensor] = []
        self._free: list[torch.Tensor] = []
        self._taken: dict[int, torch.Tensor] = {}

    @property
    def nbytes(self) -> int:
        """All memory that was ever needed."""
        return sum(block.nbytes for block in self._blocks)

    def start(self) -> None:
        """Begins another recording: all blocks are free."""
        self._free = list(self._blocks)
        self._taken.clear()

    def take(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """An uninitialised tensor, in the smallest free block that holds it or in a new one."""
        nbytes = math.prod(shape) * dtype.itemsize
        fitting = [i for i, block in enumerate(self._free) if block.nbytes >= nbytes]
        if fitting:
            block = self._free.pop(min(fitting, key=lambda i: self._free[i].nbytes))
        else:
            block = aligned_bytes(1 << max(nbytes - 1, 0).bit_length())
            self._blocks.append(block)
        self._taken[block.data_ptr()] = block
        return block[:nbytes].view(dtype).view(tuple(shape))

    def release(self, tensor: torch.Tensor) -> None:
        """Lets others have the tensor's memory; nothing happens to a tensor of other memory."""
        block = self._taken.pop(tensor.data_ptr(), None)
        if block is not None:
            self._free.append(block)


def aligned_bytes(nbytes: int) -> torch.Tensor:
    """Uninitialised bytes that begin where a cache line does."""
    room = torch.empty(nbytes + _ALIGNMENT, dtype=torch.uint8)
    start = -room.data_ptr() % _ALIGNMENT
    return room[start : start + nbytes]
