"""The memory of the pages."""

from __future__ import annotations

import pytest
import torch

from max.driver import CPU
from max.dtype import DType
from max.nn.kv_cache import CacheGroup, KeyValue, Latent, PageLayout, Window
from max.pipelines.kv_cache.storage import allocate_pages, page_views


def test_pages_are_zeros() -> None:
    pages = allocate_pages(3, 256, CPU())
    assert (pages.shape, pages.dtype) == ((3, 256), torch.uint8)
    assert not torch.any(pages)


@pytest.mark.parametrize("num_pages", [1, 3, 7])
def test_pages_begin_at_a_cache_line(num_pages: int) -> None:
    assert allocate_pages(num_pages, 512, CPU()).data_ptr() % 64 == 0


def test_unwritten_pages_cost_no_memory() -> None:
    gigabyte = 1024**3
    before = resident_bytes()
    pages = allocate_pages(64, gigabyte // 64, CPU())
    assert pages.numel() == gigabyte
    assert resident_bytes() - before < gigabyte / 8


@pytest.mark.parametrize("dtype", [DType.float32, DType.bfloat16])
def test_pages_of_one_group_have_no_gaps(dtype: DType) -> None:
    group = CacheGroup("all", (0, 1, 2), KeyValue(dtype, 2, 5))
    layout = PageLayout.of([group], page_size=3)
    (view,) = page_views(allocate_pages(2, layout.bytes_per_page, CPU()), layout)
    assert (view.shape, view.dtype) == ((2, 2, 3, 3, 2, 5), dtype.to_torch())
    # A head's tokens are in sequence.
    assert view.transpose(3, 4).is_contiguous()


def test_groups_see_the_same_pages_each_in_its_way() -> None:
    groups = [
        CacheGroup("full", (0,), KeyValue(DType.float32, 2, 8)),
        CacheGroup("latent", (1, 2, 3), Latent(DType.bfloat16, 20)),
        CacheGroup("window", (4, 5), KeyValue(DType.float32, 2, 8), Window(3)),
    ]
    layout = PageLayout.of(groups, page_size=4)
    pages = allocate_pages(3, layout.bytes_per_page, CPU())
    views = page_views(pages, layout)
    assert [tuple(view.shape) for view in views] == [
        (3, 2, 1, 4, 2, 8),
        (3, 1, 3, 4, 1, 20),
        (3, 2, 1, 4, 2, 8),
        (3, 2, 1, 4, 2, 8),
    ]
    assert views[0] is views[2] is views[3]
    views[1][1] = 1.0
    views[0][2] = 2.0
    assert not pages[0].any()
    assert torch.all(views[1][1] == 1.0)


def resident_bytes() -> int:
    """This process's resident memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
