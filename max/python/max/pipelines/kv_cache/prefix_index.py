"""Which page holds which tokens: full pages, found by everything that stands before them.

    tokens     namespace | the cat sat | on the mat. | It ...
    page                 |   page 7    |   page 2    | (not full: no key)
    key            root <-----  A  <-------  B

A key is a page's tokens and the key of the page before. Its hash is chained: it covers the whole
prefix. A dictionary finds equal hashes and then compares the tokens, so a collision of hashes costs
time but never gives a wrong page.
"""

from __future__ import annotations

from typing import NamedTuple


def chain_hash(parent_hash: int, tokens: bytes) -> int:
    """Hash of a prefix: of the hash of all pages before the last, and the last page's tokens."""
    return hash((parent_hash, tokens))


class PrefixKey:
    """The tokens of one full page and, through `parent`, all tokens before it.

    Args:
        parent: key of the page before; None makes a root, whose `tokens` name a namespace.
        tokens: the page's token ids as bytes.
    """

    __slots__ = ("_hash", "parent", "tokens")

    def __init__(self, parent: PrefixKey | None, tokens: bytes) -> None:
        self.parent = parent
        self.tokens = tokens
        self._hash = chain_hash(0 if parent is None else hash(parent), tokens)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        mine: PrefixKey | None = self
        theirs = other
        while mine is not theirs:
            if mine is None or not isinstance(theirs, PrefixKey):
                return False
            if hash(mine) != hash(theirs) or mine.tokens != theirs.tokens:
                return False
            mine, theirs = mine.parent, theirs.parent
        return True


class CachedPage(NamedTuple):
    """A page whose content is known. Later keys chain to `key`, so that comparing them is short."""

    key: PrefixKey
    page: int


class PrefixIndex:
    """A one-to-one map between prefixes and the pages that hold their last `page_size` tokens."""

    def __init__(self) -> None:
        self._by_key: dict[PrefixKey, CachedPage] = {}
        self._by_page: dict[int, PrefixKey] = {}

    def __len__(self) -> int:
        return len(self._by_page)

    def get(self, key: PrefixKey) -> CachedPage | None:
        """The page that holds this prefix's last tokens, if one does."""
        return self._by_key.get(key)

    def holds(self, page: int) -> bool:
        """Whether the page's content can be found."""
        return page in self._by_page

    def add(self, key: PrefixKey, page: int) -> None:
        """Makes a full page's content known. Neither key nor page may be known already."""
        if key in self._by_key or page in self._by_page:
            raise ValueError(f"page {page} or its prefix is in the index already")
        self._by_key[key] = CachedPage(key, page)
        self._by_page[page] = key

    def evict(self, page: int) -> None:
        """Forgets a page, if it is known: it is about to be overwritten."""
        key = self._by_page.pop(page, None)
        if key is not None:
            del self._by_key[key]

    def clear(self) -> None:
        """Forgets all pages."""
        self._by_key.clear()
        self._by_page.clear()

    def pages(self) -> dict[int, int]:
        """For the integrity check: each known page, and the page that its own key leads to."""
        return {page: self._by_key[key].page for page, key in self._by_page.items()}
