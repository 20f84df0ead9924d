"""The pages of the cache: who may be reused next, and how many requests hold each.

page   ref count   in the free list   in the prefix index
----   ---------   ----------------   -------------------
used       >= 1    no                 when full and registered: others may share it
cached        0    yes, LRU order     yes: a hit revives it, `take` evicts it
blank         0    yes, at the front  no

Page 0 is the null page: lookup tables name it where a request has no page. Nobody owns it.
"""

from __future__ import annotations

from collections import OrderedDict

from max.pipelines.kv_cache.prefix_index import PrefixIndex

NULL_PAGE = 0


class BlockPool:
    """Reference-counted pages 1 .. total_pages with a free list in least-recently-used order.

    Args:
        total_pages: how many pages there are beside the null page.

    Attributes:
        num_moves: how often a holder came to a page or went; while it stays, nobody's pages change.
    """

    def __init__(self, total_pages: int) -> None:
        if total_pages < 1:
            raise ValueError(
                f"a KV cache needs at least one page, got total_num_pages={total_pages}"
            )
        self.total_pages = total_pages
        self.index = PrefixIndex()
        self.num_moves = 0
        self._ref_counts = [0] * (total_pages + 1)
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(1, total_pages + 1))

    @property
    def num_free(self) -> int:
        """Pages that `take` can give: blank ones, and cached ones that nobody holds."""
        return len(self._free)

    def take(self) -> int:
        """Gives a blank page, else the cached page that was released longest ago, to one holder.

        Raises:
            IndexError: when no page is free; look at `num_free` first.
        """
        if not self._free:
            raise IndexError(f"none of the {self.total_pages} KV pages is free")
        self.num_moves += 1
        page, _ = self._free.popitem(last=False)
        # The others of its column, which are dropped together, stand behind it and come next.
        self.index.evict(page)
        self._ref_counts[page] = 1
        return page

    def share(self, page: int) -> None:
        """Adds a holder to a page in use, or revives a cached one."""
        self.num_moves += 1
        if self._ref_counts[page] == 0:
            del self._free[page]
        self._ref_counts[page] += 1

    def drop(self, page: int) -> None:
        """Takes a holder away; the last one's page becomes cached or blank."""
        if self._ref_counts[page] == 0:
            raise ValueError(f"KV page {page} is dropped, but nobody holds it")
        self.num_moves += 1
        self._ref_counts[page] -= 1
        if self._ref_counts[page] == 0:
            self._free[page] = None
            if not self.index.holds(page):
                self._free.move_to_end(page, last=False)

    def ref_counts(self) -> tuple[int, ...]:
        """How many holders each page has, by its id."""
        return tuple(self._ref_counts)

    def free_pages(self) -> tuple[int, ...]:
        """The free pages in the order in which `take` gives them."""
        return tuple(self._free)
