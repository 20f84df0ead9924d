"""Memory of replays: one region per model, in which each recording places its tensors."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import accumulate
from operator import mul

import torch

from max.kernels.registry import tensors_in

_ALIGNMENT = 64


class RegionTooSmall(Exception):
    """A recording needs more memory than the region has."""


class Memory:
    """The region that all replays of a model work in, one at a time.

    Nothing in it outlives a run: what is given is copied into it, what comes out is copied out. So
    each recording may use all of it, and the largest decides how large it is.

    Args:
        region: uninitialised bytes that begin where a cache line does; none unless given.
    """

    def __init__(self, region: torch.Tensor | None = None) -> None:
        self.region = aligned_bytes(0) if region is None else region

    @staticmethod
    def without_elements() -> Memory:
        """An endless region of addresses alone: to ask what a recording would need."""
        return Memory(torch.empty(1 << 60, dtype=torch.uint8, device="meta"))

    @property
    def nbytes(self) -> int:
        """Size of the region. The system gives pages of it when they are first written."""
        return self.region.numel()

    def grow(self, nbytes: int) -> None:
        """Replaces the region by one of at least so many bytes; what was recorded is void."""
        self.region = aligned_bytes(nbytes)


class Layout:
    """Where the tensors of one recording lie: each in the tightest gap between those alive.

        [ hidden ][ gate   ][ up     ][ scratch ]     [ hidden ][ gate   ][ down  ]
        0         64        192       320             0         64        192

    Args:
        memory: what they lie in.
    """

    def __init__(self, memory: Memory) -> None:
        self._region = memory.region
        self._size = memory.nbytes
        self._storage = memory.region.untyped_storage()._cdata
        self._regions: dict[torch.dtype, torch.Tensor] = {}
        self._blocks: list[tuple[int, int]] = []  # start and end of what is taken, in order
        self.nbytes = 0  # the end of the furthest block that ever was

    def take(self, shape: Sequence[int], dtype: torch.dtype) -> tuple[int, torch.Tensor]:
        """A block, by its start, and the uninitialised tensor that lies in it.

        Raises:
            RegionTooSmall: if the region ends before it.
        """
        nbytes = math.prod(shape) * dtype.itemsize
        start = self._place(max(-(-nbytes // _ALIGNMENT), 1) * _ALIGNMENT)
        strides = [1, *accumulate([max(size, 1) for size in shape[:0:-1]], mul)] if shape else []
        region = self._region_of(dtype)
        first = region.storage_offset() + start // dtype.itemsize
        return start, region.as_strided(tuple(shape), strides[::-1], first)

    def release(self, start: int) -> None:
        """Lets others have a block."""
        del self._blocks[bisect_left(self._blocks, (start, 0))]

    def blocks_of(self, value: object) -> set[int]:
        """Starts of the blocks that the tensors of a value, or of nested lists, lie in."""
        blocks = set()
        for tensor in tensors_in(value):
            if tensor.untyped_storage()._cdata == self._storage:
                begin = tensor.storage_offset() * tensor.itemsize - self._region.storage_offset()
                blocks.add(self._blocks[bisect_right(self._blocks, (begin, math.inf)) - 1][0])
        return blocks

    def _region_of(self, dtype: torch.dtype) -> torch.Tensor:
        """The region as elements of a dtype."""
        if dtype not in self._regions:
            whole = self._size // dtype.itemsize * dtype.itemsize
            self._regions[dtype] = self._region[:whole].view(dtype)
        return self._regions[dtype]

    def _place(self, size: int) -> int:
        gaps: list[tuple[int, int]] = []  # size and start of those that are large enough
        end = 0
        for start, next_end in self._blocks:
            if start - end >= size:
                gaps.append((start - end, end))
            end = next_end
        start = min(gaps)[1] if gaps else end
        self.nbytes = max(self.nbytes, start + size)
        if self.nbytes > self._size:
            raise RegionTooSmall
        insort(self._blocks, (start, start + size))
        return start


def aligned_bytes(nbytes: int) -> torch.Tensor:
    """Uninitialised bytes that begin where a cache line does."""
    room = torch.empty(nbytes + _ALIGNMENT, dtype=torch.uint8)
    start = -room.data_ptr() % _ALIGNMENT
    return room[start : start + nbytes]
