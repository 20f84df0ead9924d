"""The memory of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from max.driver import Device
from max.dtype import DType

if TYPE_CHECKING:
    import torch

# Widest vector register and cache line of the CPUs served, in bytes.
_ALIGNMENT = 64


def allocate_pages(shape: Sequence[int], dtype: DType, device: Device) -> torch.Tensor:
    """Zeros of that shape, `[total_num_pages, 2, num_layers, page_size, n_kv_heads, head_dim]`.

    On the host the memory is reserved now and becomes resident page by page as it is written, so
    that a cache sized for the worst case costs what is used. Zeros, because a kernel may multiply
    the unwritten tail of a page by a probability of zero, and 0 * NaN is NaN.
    """
    import numpy as np
    import torch

    if not device.is_host:
        return torch.zeros(tuple(shape), dtype=dtype.to_torch(), device=device.to_torch())
    num_bytes = prod(shape) * dtype.size_in_bytes
    raw = np.zeros(num_bytes + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    aligned = torch.from_numpy(raw[start : start + num_bytes])
    return aligned.view(dtype.to_torch()).view(tuple(shape))
