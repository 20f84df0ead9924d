"""A broken book is found, and the message shows both sides."""

from __future__ import annotations

from collections import Counter

import pytest

from max.pipelines.kv_cache.block_pool import BlockPool
from max.pipelines.kv_cache.errors import KVCacheIntegrityError
from max.pipelines.kv_cache.integrity import check_integrity
from max.pipelines.kv_cache.request_pages import RequestPages
from max.pipelines.kv_cache.rules import FullPages, PageGroup


def make_pool(taken: int, total: int = 4) -> BlockPool:
    """A pool whose pages 1 .. taken have one holder each."""
    pool = BlockPool(total)
    for _ in range(taken):
        pool.take()
    return pool


def make_holding(pages: list[int], num_full: int = 0) -> RequestPages:
    """A request that holds these, in one group."""
    held = RequestPages([PageGroup(FullPages(4))])
    for position, page in enumerate(pages):
        held.put(0, position, [[page]])
    held.end_at(0, len(pages))
    held.num_full = num_full
    return held


def assert_broken(pool: BlockPool, holdings: dict[str, RequestPages], equation: str) -> None:
    with pytest.raises(KVCacheIntegrityError) as broken:
        check_integrity(pool, holdings, Counter())
    assert equation in str(broken.value)


def test_sound_books_pass() -> None:
    pool = make_pool(taken=3)
    pool.index.add(0, b"a", (1,))
    pool.share(1)
    holdings = {"a": make_holding([1, 2], num_full=1), "b": make_holding([1, 3], num_full=1)}
    key = b"b"
    for holding in holdings.values():
        holding.coming_keys.append(key)
    check_integrity(pool, holdings, Counter({key: 2}))


def test_a_leaked_page() -> None:
    pool = make_pool(taken=2)
    assert_broken(pool, {"a": make_holding([1])}, "free + held == total: 2 + 1 = 3 != 4")
    assert_broken(pool, {"a": make_holding([1])}, "ref_count[2] == holders: 1 != 0, held by []")


def test_a_page_of_two_requests_that_is_counted_once() -> None:
    pool = make_pool(taken=1)
    holdings = {"a": make_holding([1], num_full=1), "b": make_holding([1], num_full=1)}
    assert_broken(pool, holdings, "ref_count[1] == holders: 1 != 2, held by ['a', 'b']")


def test_a_free_page_that_is_held() -> None:
    assert_broken(make_pool(taken=0), {"a": make_holding([2])}, "holders of free page 2 == 0: 1")


def test_a_page_that_stands_twice_in_a_request() -> None:
    pool = make_pool(taken=1)
    pool.share(1)
    holdings = {"a": make_holding([1, 1], num_full=2)}
    assert_broken(pool, holdings, "distinct pages of 'a' == pages: 1 != 2")


def test_a_shared_page_that_is_still_written() -> None:
    pool = make_pool(taken=1)
    pool.share(1)
    holdings = {"a": make_holding([1], num_full=1), "b": make_holding([1], num_full=0)}
    assert_broken(pool, holdings, "holders of page 1 that 'b' writes == 1: 2 != 1")


def test_a_registered_page_that_is_still_written() -> None:
    pool = make_pool(taken=1)
    pool.index.add(0, b"a", (1,))
    holdings = {"a": make_holding([1], num_full=0)}
    assert_broken(pool, holdings, "page 1 that 'a' writes is in the prefix index: yes != no")


def test_more_full_pages_than_pages() -> None:
    holdings = {"a": make_holding([1], num_full=2)}
    assert_broken(make_pool(taken=1), holdings, "full pages of 'a' <= pages: 2 > 1")


def test_an_index_whose_two_directions_differ() -> None:
    pool = make_pool(taken=0)
    pool.index.add(0, b"a", (1,))
    pool.index._by_page[2] = (0, b"a")
    assert_broken(pool, {}, "page 2 is among the pages of its own key: (1,)")


def test_a_column_of_which_one_page_is_held() -> None:
    pool = make_pool(taken=1)
    pool.index.add(0, b"a", (1, 2))
    holdings = {"a": make_holding([1], num_full=1)}
    assert_broken(pool, holdings, "ref_counts of pages (1, 2) of one key are equal: [1, 0]")


def test_a_page_before_those_that_are_read() -> None:
    held = make_holding([1, 2])
    held.begins = [1]
    assert_broken(make_pool(taken=2), {"a": held}, "of 'a' in group 0 are of 1 .. 1: 0 is not")


def test_a_page_that_is_counted_twice() -> None:
    held = make_holding([1])
    held.num_pages = 2
    assert_broken(make_pool(taken=1), {"a": held}, "num_pages of 'a' == pages: 2 != 1")


def test_all_broken_equations_are_named_together() -> None:
    pool = make_pool(taken=2)
    with pytest.raises(KVCacheIntegrityError) as broken:
        check_integrity(pool, {"a": make_holding([3])}, Counter())
    # The total, the ref counts of pages 1, 2 and 3, and page 3 that is free and held.
    assert str(broken.value).count("\n  ") == 5


def test_an_announcement_that_nobody_makes() -> None:
    coming = Counter({b"a": 2})
    with pytest.raises(KVCacheIntegrityError) as broken:
        check_integrity(make_pool(taken=0), {}, coming)
    assert "announced pages == pages that requests announced: 2 of 1 != 0 of 0" in str(broken.value)
