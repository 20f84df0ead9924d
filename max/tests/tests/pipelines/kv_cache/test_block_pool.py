"""Pages, holders, and the order in which free pages are given."""

from __future__ import annotations

import pytest

from max.pipelines.kv_cache.block_pool import BlockPool


def make_cached_page(pool: BlockPool, name: bytes) -> int:
    """A page that nobody holds, whose content is known."""
    page = pool.take()
    pool.index.add(0, name, (page,))
    pool.drop(page)
    return page


def test_every_page_is_given_once_and_the_null_page_never() -> None:
    pool = BlockPool(4)
    assert sorted(pool.take() for _ in range(4)) == [1, 2, 3, 4]
    assert pool.num_free == 0


def test_take_from_an_empty_pool_says_how_many_pages_there_are() -> None:
    pool = BlockPool(1)
    pool.take()
    with pytest.raises(IndexError, match="none of the 1 KV pages"):
        pool.take()


@pytest.mark.parametrize("total_pages", [0, -1])
def test_a_pool_without_pages_is_refused(total_pages: int) -> None:
    with pytest.raises(ValueError, match=f"total_num_pages={total_pages}"):
        BlockPool(total_pages)


def test_a_shared_page_is_free_after_its_last_holder() -> None:
    pool = BlockPool(1)
    page = pool.take()
    pool.share(page)
    pool.drop(page)
    assert pool.num_free == 0
    pool.drop(page)
    assert pool.num_free == 1


def test_dropping_a_free_page_is_refused() -> None:
    pool = BlockPool(1)
    with pytest.raises(ValueError, match="KV page 1 is dropped, but nobody holds it"):
        pool.drop(1)


def test_cached_pages_are_taken_in_the_order_of_their_release() -> None:
    pool = BlockPool(2)
    first, second = pool.take(), pool.take()
    for page in (first, second):
        pool.index.add(0, bytes([page]), (page,))
    pool.drop(second)
    pool.drop(first)
    assert [pool.take(), pool.take()] == [second, first]


def test_blank_pages_are_taken_before_cached_ones() -> None:
    pool = BlockPool(2)
    cached = make_cached_page(pool, b"a")
    blank = pool.take()
    assert blank != cached
    pool.drop(blank)
    assert pool.take() == blank
    assert pool.index.holds(cached)


def test_taking_a_cached_page_forgets_its_content() -> None:
    pool = BlockPool(1)
    page = make_cached_page(pool, b"a")
    assert pool.index.get(0, b"a") is not None
    assert pool.take() == page
    assert pool.index.get(0, b"a") is None


def test_sharing_a_cached_page_takes_it_out_of_the_free_list() -> None:
    pool = BlockPool(1)
    page = make_cached_page(pool, b"a")
    pool.share(page)
    assert pool.num_free == 0
    assert pool.ref_counts() == (0, 1)
    assert pool.index.holds(page)


def test_the_pages_of_a_column_are_forgotten_together_and_taken_next() -> None:
    pool = BlockPool(4)
    columns = [(pool.take(), pool.take()), (pool.take(), pool.take())]
    for number, column in enumerate(columns):
        pool.index.add(1, bytes([number]), column)
        for page in column:
            pool.drop(page)
    assert pool.take() == columns[0][0]
    assert pool.index.get(1, b"\x00") is None
    assert pool.free_pages() == (columns[0][1], *columns[1])
    assert pool.index.get(1, b"\x01") == columns[1]
