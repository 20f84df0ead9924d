"""The memory of the pages."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from max.driver import Device

if TYPE_CHECKING:
    import torch

    from max.nn.kv_cache import PageLayout

# Widest vector register and cache line of the CPUs served, in bytes.
_ALIGNMENT = 64


def allocate_pages(num_pages: int, bytes_per_page: int, device: Device) -> torch.Tensor:
    """Zeros, uint8 [num_pages, bytes_per_page].

    On the host the memory is reserved now and becomes resident page by page as it is written, so
    that a cache sized for the worst case costs what is used. Zeros, because a kernel may multiply
    the unwritten tail of a page by a probability of zero, and 0 * NaN is NaN.
    """
    import numpy as np
    import torch

    shape = (num_pages, bytes_per_page)
    if not device.is_host:
        return torch.zeros(shape, dtype=torch.uint8, device=device.to_torch())
    raw = np.zeros(prod(shape) + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return torch.from_numpy(raw[start : start + prod(shape)]).view(shape)


def page_views(pages: torch.Tensor, layout: PageLayout) -> list[torch.Tensor]:
    """Of each table of a layout, its view of the pages: [num_pages, *shape] of its dtype.

    Tables that see the pages alike have the same tensor.

    Args:
        pages: uint8 [num_pages, layout.bytes_per_page].
        layout: how groups of layers share pages.
    """
    views: list[torch.Tensor] = []
    for number, (first, table) in enumerate(zip(layout.views, layout.tables, strict=True)):
        if first < number:
            views.append(views[first])
            continue
        dtype = table.group.entry.dtype
        used = pages[:, : prod(table.shape) * dtype.size_in_bytes]
        views.append(table.group.entry.arranged(used.view(dtype.to_torch()), table.shape))
    return views
