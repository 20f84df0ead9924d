"""Which pages hold which tokens: full pages, found by everything that stands before them.

    tokens        namespace | the cat sat | on the mat. | It ...
    key                     |      A      |      B      | (not full: no key)
    group 0                 |   page 7    |   page 2    |
    group 1                 | pages 4, 5  | pages 9, 1  |

Keys are those of `TextContext.page_keys`: equal keys, equal content. The pages of a group's tables
for the same tokens, a column, are known together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable

Column = tuple[int, ...]


class PrefixIndex:
    """For each group a one-to-one map between prefixes and the pages of their last tokens."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[int, bytes], Column] = {}
        self._by_page: dict[int, tuple[int, bytes]] = {}

    def __len__(self) -> int:
        return len(self._by_page)

    def get(self, group: int, key: bytes) -> Column | None:
        """The group's pages that hold this prefix's last tokens, if there are any."""
        return self._by_key.get((group, key))

    def column(self, group: int, key: bytes) -> Column:
        """`get` of what is known.

        Raises:
            KeyError: if it is not.
        """
        return self._by_key[group, key]

    def holds(self, page: int) -> bool:
        """Whether the page's content can be found."""
        return page in self._by_page

    def add(self, group: int, key: bytes, pages: Column) -> None:
        """Makes full pages' content known. Neither key nor pages may be known already."""
        name = (group, key)
        if name in self._by_key or not self._by_page.keys().isdisjoint(pages):
            raise ValueError(f"pages {pages} of group {group} or their prefix are known already")
        self._by_key[name] = pages
        for page in pages:
            self._by_page[page] = name

    def evict(self, page: int) -> None:
        """Forgets a page and those beside it, if they are known: it is about to be overwritten."""
        key = self._by_page.get(page)
        if key is not None:
            for known in self._by_key.pop(key):
                del self._by_page[known]

    def clear(self) -> None:
        """Forgets all pages."""
        self._by_key.clear()
        self._by_page.clear()

    def pages(self) -> Iterable[int]:
        """The known pages."""
        return self._by_page.keys()

    def columns(self) -> dict[int, Column]:
        """For the integrity check: each known page, and the pages that its own key leads to."""
        return {page: self._by_key[key] for page, key in self._by_page.items()}
