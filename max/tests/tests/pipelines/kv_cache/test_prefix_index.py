"""Keys lead to pages and back."""

from __future__ import annotations

import pytest

from max.pipelines.kv_cache.prefix_index import PrefixIndex


def test_a_key_leads_to_its_page() -> None:
    index = PrefixIndex()
    index.add(b"a", 3)
    assert index.get(b"a") == 3
    assert index.get(b"b") is None


def test_a_page_or_prefix_is_not_added_twice() -> None:
    index = PrefixIndex()
    index.add(b"a", 3)
    with pytest.raises(ValueError, match="page 3 or its prefix"):
        index.add(b"b", 3)
    with pytest.raises(ValueError, match="page 4 or its prefix"):
        index.add(b"a", 4)


def test_evict_forgets_one_page_and_clear_all() -> None:
    index = PrefixIndex()
    index.add(b"a", 1)
    index.add(b"b", 2)
    index.evict(1)
    index.evict(1)
    assert not index.holds(1)
    assert index.holds(2)
    assert len(index) == 1
    index.clear()
    assert index.get(b"b") is None
    assert len(index) == 0
