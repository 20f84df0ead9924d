"""Which pages of a request later steps still read, and what a prefix hit needs of them.

full      [ 0 ][ 1 ][ 2 ][ 3 ][ 4 ][ 5 ]    all
window    [   ][   ][   ][ 3 ][ 4 ][ 5 ]    those of the last tokens that a query sees
state     [   ][   ][   ][   ][ 4 ][ 5 ]    4 is read by the step, 5 written
          ------------------------ tokens
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.nn.kv_cache import CacheGroup, PageLayout


@dataclass(frozen=True)
class FullPages:
    """Later steps read all tokens.

    Args:
        page_size: tokens of a page.
    """

    page_size: int

    @property
    def drops(self) -> bool:
        """Whether pages become needless."""
        return False

    @property
    def grows_by_step(self) -> bool:
        """Whether a request takes pages for the coming step's tokens only, not for all."""
        return False

    def first(self, num_tokens: int) -> int:
        """The first page that steps after that many tokens read."""
        return 0

    def new_pages(self, end: int, needed: int) -> range:
        """The pages to take for a request that has those before `end` and needs those before
        `needed`."""
        return range(end, needed)

    def most_pages(self, num_tokens: int, step_tokens: int | None) -> int:
        """Most pages that a request of that many tokens holds at a time.

        Args:
            num_tokens: of the request.
            step_tokens: most tokens that a step computes; None if that may be all.
        """
        return -(-num_tokens // self.page_size)

    def is_complete(self, position: int, num_tokens: int) -> bool:
        """Whether a page before the end of so many tokens is of use for others."""
        return True

    def hit(self, found: Callable[[int], bool], most: int) -> int:
        """The longest prefix, in pages and up to `most`, after which a request can go on.

        Args:
            found: whether the page of that number is cached.
            most: how many leading pages are asked for.
        """
        return next((page for page in range(most) if not found(page)), most)


@dataclass(frozen=True)
class WindowPages(FullPages):
    """Later steps read the last tokens.

    Args:
        page_size: tokens of a page.
        window: how many tokens a query sees, its own included.
    """

    window: int

    @property
    def drops(self) -> bool:
        """See `FullPages.drops`."""
        return True

    @property
    def grows_by_step(self) -> bool:
        """See `FullPages.grows_by_step`."""
        return True

    def first(self, num_tokens: int) -> int:
        """See `FullPages.first`."""
        return max(0, num_tokens - self.window + 1) // self.page_size

    def most_pages(self, num_tokens: int, step_tokens: int | None) -> int:
        """See `FullPages.most_pages`: a step reads and writes `window + step_tokens - 1` tokens."""
        pages = super().most_pages(num_tokens, step_tokens)
        if step_tokens is None:
            return pages
        return min(pages, (self.window + step_tokens - 3) // self.page_size + 2)

    def hit(self, found: Callable[[int], bool], most: int) -> int:
        """See `FullPages.hit`: only the pages of the window need be there."""
        end = page = most
        while page > self.first(end * self.page_size):
            page -= 1
            if not found(page):
                end = page
        return end


class StatePages(WindowPages):
    """Later steps read one page: the state after the last token.

    The page of a state after n tokens is number (n - 1) // page_size, so that it is full, and of
    use for others, when a step ends at a page's end. A step writes in place while it stays in that
    page, else to the last page that the request holds, which then takes the place of the new state.

    Args:
        page_size: tokens after which a state may be kept for others.
    """

    def __init__(self, page_size: int) -> None:
        super().__init__(page_size, window=2)

    @property
    def grows_by_step(self) -> bool:
        """See `FullPages.grows_by_step`: one page more is enough for any step."""
        return False

    def new_pages(self, end: int, needed: int) -> range:
        """See `FullPages.new_pages`: the last one alone is written."""
        return range(max(end, needed - 1), needed)

    def most_pages(self, num_tokens: int, step_tokens: int | None) -> int:
        """See `FullPages.most_pages`."""
        return min(-(-num_tokens // self.page_size), 2)

    def is_complete(self, position: int, num_tokens: int) -> bool:
        """See `FullPages.is_complete`: states inside of a step are not kept."""
        return (position + 1) * self.page_size == num_tokens


@dataclass(frozen=True)
class PageGroup:
    """Tables of pages that are taken, shared and dropped together.

    Args:
        rule: which pages are read.
        tables: how many tables; each has its own page for the same tokens.
    """

    rule: FullPages
    tables: int = 1


def page_groups(layout: PageLayout, page_size: int) -> list[PageGroup]:
    """What the bookkeeping knows of a cache's layers.

    Args:
        layout: how groups of layers share pages.
        page_size: tokens of a page.
    """
    tables = groupby(layout.tables, key=lambda table: table.group)
    return [PageGroup(_rule(group, page_size), len(list(own))) for group, own in tables]


def most_pages(groups: Sequence[PageGroup], num_tokens: int, step_tokens: int | None) -> int:
    """`FullPages.most_pages` of all groups."""
    return sum(group.tables * group.rule.most_pages(num_tokens, step_tokens) for group in groups)


def _rule(group: CacheGroup, page_size: int) -> FullPages:
    from max.nn.kv_cache import Slot, Window

    match group.keep:
        case Window(tokens):
            return WindowPages(page_size, tokens)
        case Slot():
            return StatePages(page_size)
        case _:
            return FullPages(page_size)
