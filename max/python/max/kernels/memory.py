"""Memory for weights that kernels stream through: in huge pages where the system gives them."""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence

import torch

from max.driver.host_reserve import HUGE_PAGE, take_reserved

_BLOCK, _CACHE_LINE = 16 * HUGE_PAGE, 64


def empty_in_huge_pages(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """A tensor of zeros on the host whose pages are huge ones if the system allows.

    Reading a weight once per token costs a page table walk for every small page: up to a quarter of
    the time. The tensor is part of the process's reserve while there is one
    (`max.driver.host_reserve`). Of others, those smaller than a huge page are ordinary ones, and
    memory is taken when it is first written.
    """
    size = math.prod(shape) * dtype.itemsize
    if size and (reserved := take_reserved(size)) is not None:
        return torch.frombuffer(reserved, dtype=dtype).view(tuple(shape))
    return zeros_in_huge_pages(shape, dtype)


def zeros_in_huge_pages(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """As `empty_in_huge_pages`, of what is no weight: never part of the reserve."""
    size = math.prod(shape) * dtype.itemsize
    if size < HUGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.zeros(tuple(shape), dtype=dtype)
    # One page more, so that the tensor can begin where a huge page does.
    pages = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)
    whole = torch.frombuffer(pages, dtype=torch.uint8)  # keeps `pages`
    start = -whole.data_ptr() % HUGE_PAGE
    return whole[start : start + size].view(dtype).view(tuple(shape))


class HugePages:
    """Tensors of zeros side by side in blocks of huge pages, for those smaller than a page."""

    def __init__(self) -> None:
        self._block = torch.empty(0, dtype=torch.uint8)
        self._used = 0

    def zeros(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """A tensor on the host; its memory is taken when it, or a neighbour, is first written."""
        size = math.prod(shape) * dtype.itemsize
        start = -(-self._used // _CACHE_LINE) * _CACHE_LINE
        if start + size > len(self._block):
            self._block, start = zeros_in_huge_pages([max(size, _BLOCK)], torch.uint8), 0
        self._used = start + size
        return self._block[start : self._used].view(dtype).view(tuple(shape))
