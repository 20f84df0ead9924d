"""Keys lead to pages and back."""

from __future__ import annotations

import pytest

from max.pipelines.kv_cache.prefix_index import PrefixIndex


def test_a_key_leads_to_a_group_s_pages() -> None:
    index = PrefixIndex()
    index.add(0, b"a", (3,))
    index.add(1, b"a", (4, 5))
    assert index.get(0, b"a") == (3,)
    assert index.get(1, b"a") == (4, 5)
    assert index.get(0, b"b") is None
    assert index.get(2, b"a") is None
    assert len(index) == 3


@pytest.mark.parametrize(("key", "pages"), [(b"b", (3,)), (b"b", (4, 3)), (b"a", (4,))])
def test_a_page_or_prefix_is_not_added_twice(key: bytes, pages: tuple[int, ...]) -> None:
    index = PrefixIndex()
    index.add(0, b"a", (3,))
    with pytest.raises(ValueError, match="of group 0 or their prefix are known already"):
        index.add(0, key, pages)


def test_evict_forgets_a_column_and_clear_all() -> None:
    index = PrefixIndex()
    index.add(0, b"a", (1, 4, 5))
    index.add(0, b"b", (2,))
    index.evict(4)
    index.evict(1)
    assert not any(map(index.holds, (1, 4, 5)))
    assert index.get(0, b"a") is None
    assert index.holds(2)
    assert len(index) == 1
    index.clear()
    assert index.get(0, b"b") is None
    assert len(index) == 0
