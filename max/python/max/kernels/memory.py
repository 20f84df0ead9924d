"""Memory for weights that kernels stream through: in huge pages where the system gives them."""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence

import torch

from max.driver.host_reserve import HUGE_PAGE, take_reserved


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
    if size < HUGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.zeros(tuple(shape), dtype=dtype)
    # One page more, so that the tensor can begin where a huge page does.
    pages = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.madvise(mmap.MADV_HUGEPAGE)
    whole = torch.frombuffer(pages, dtype=torch.uint8)  # keeps `pages`
    start = -whole.data_ptr() % HUGE_PAGE
    return whole[start : start + size].view(dtype).view(tuple(shape))
