"""The memory of the pages."""

from __future__ import annotations

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.pipelines.kv_cache.storage import allocate_pages


@pytest.mark.parametrize("dtype", [DType.float32, DType.bfloat16])
def test_pages_are_zeros_of_their_shape_and_dtype(dtype: DType) -> None:
    pages = allocate_pages((3, 2, 1, 4, 2, 8), dtype, CPU())
    assert pages.shape == (3, 2, 1, 4, 2, 8)
    assert pages.dtype == dtype.to_torch()
    assert pages.is_contiguous()
    assert not torch.any(pages)


@pytest.mark.parametrize("num_pages", [1, 3, 7])
def test_pages_begin_at_a_cache_line(num_pages: int) -> None:
    pages = allocate_pages((num_pages, 2, 1, 4, 1, 16), DType.float32, CPU())
    assert pages.data_ptr() % 64 == 0


def test_unwritten_pages_cost_no_memory() -> None:
    gigabyte = 1024**3
    before = resident_bytes()
    pages = allocate_pages((64, 2, 1, gigabyte // 512, 1, 1), DType.float32, CPU())
    assert pages.numel() * pages.element_size() == gigabyte
    assert resident_bytes() - before < gigabyte / 8


def resident_bytes() -> int:
    """This process's resident memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
