"""Which page holds which tokens: full pages, found by everything that stands before them.

    tokens     namespace | the cat sat | on the mat. | It ...
    page                 |   page 7    |   page 2    | (not full: no key)
    key                  |      A      |      B      |

Keys are those of `TextContext.page_keys`: equal keys, equal content.
"""

from __future__ import annotations


class PrefixIndex:
    """A one-to-one map between prefixes and the pages that hold their last `page_size` tokens."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, int] = {}
        self._by_page: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._by_page)

    def get(self, key: bytes) -> int | None:
        """The page that holds this prefix's last tokens, if one does."""
        return self._by_key.get(key)

    def holds(self, page: int) -> bool:
        """Whether the page's content can be found."""
        return page in self._by_page

    def add(self, key: bytes, page: int) -> None:
        """Makes a full page's content known. Neither key nor page may be known already."""
        if key in self._by_key or page in self._by_page:
            raise ValueError(f"page {page} or its prefix is in the index already")
        self._by_key[key] = page
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
        return {page: self._by_key[key] for page, key in self._by_page.items()}
