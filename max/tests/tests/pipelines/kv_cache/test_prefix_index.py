"""Keys cover the whole prefix, and a collision of hashes never gives a wrong page."""

from __future__ import annotations

import pytest

from max.pipelines.kv_cache import prefix_index
from max.pipelines.kv_cache.prefix_index import CachedPage, PrefixIndex, PrefixKey


def make_chain(*pages: bytes) -> PrefixKey:
    """The key of the last of these pages."""
    key = PrefixKey(None, b"")
    for tokens in pages:
        key = PrefixKey(key, tokens)
    return key


def test_equal_prefixes_have_equal_keys_and_hashes() -> None:
    assert make_chain(b"ab", b"cd") == make_chain(b"ab", b"cd")
    assert hash(make_chain(b"ab", b"cd")) == hash(make_chain(b"ab", b"cd"))


@pytest.mark.parametrize(
    "other",
    [
        make_chain(b"ab"),
        make_chain(b"cd"),
        make_chain(b"xx", b"cd"),
        make_chain(b"ab", b"ab", b"cd"),
        make_chain(b"abcd"),
    ],
)
def test_other_prefixes_have_other_keys(other: PrefixKey) -> None:
    assert make_chain(b"ab", b"cd") != other
    assert hash(make_chain(b"ab", b"cd")) != hash(other)


def test_a_collision_of_all_hashes_gives_no_wrong_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix_index, "chain_hash", lambda parent_hash, tokens: 7)
    index = PrefixIndex()
    index.add(make_chain(b"ab", b"cd"), 0)
    assert hash(make_chain(b"xx", b"cd")) == hash(make_chain(b"ab", b"cd"))
    assert index.get(make_chain(b"xx", b"cd")) is None
    assert index.get(make_chain(b"cd")) is None
    assert index.get(make_chain(b"ab", b"cd")) == CachedPage(make_chain(b"ab", b"cd"), 0)


def test_a_chain_may_be_longer_than_the_recursion_limit() -> None:
    pages = [bytes([i % 251]) for i in range(5000)]
    assert make_chain(*pages) == make_chain(*pages)
    assert make_chain(*pages) != make_chain(b"other", *pages[1:])


def test_the_index_gives_the_key_that_it_was_given_first() -> None:
    index = PrefixIndex()
    first, second = make_chain(b"ab"), make_chain(b"ab")
    index.add(first, 3)
    found = index.get(second)
    assert found is not None
    assert found.key is first


def test_a_page_or_prefix_is_not_added_twice() -> None:
    index = PrefixIndex()
    index.add(make_chain(b"ab"), 3)
    with pytest.raises(ValueError, match="page 3 or its prefix"):
        index.add(make_chain(b"cd"), 3)
    with pytest.raises(ValueError, match="page 4 or its prefix"):
        index.add(make_chain(b"ab"), 4)


def test_evict_forgets_one_page_and_clear_all() -> None:
    index = PrefixIndex()
    index.add(make_chain(b"ab"), 0)
    index.add(make_chain(b"cd"), 1)
    index.evict(0)
    index.evict(0)
    assert not index.holds(0)
    assert index.holds(1)
    assert len(index) == 1
    index.clear()
    assert index.get(make_chain(b"cd")) is None
    assert len(index) == 0
