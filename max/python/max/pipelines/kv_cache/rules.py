"""Which pages of a request later steps still read, and what a prefix hit needs of them.

    full      [ 0 ][ 1 ][ 2 ][ 3 ][ 4 ][ 5 ]    all
    window    [   ][   ][   ][ 3 ][ 4 ][ 5 ]    those of the last tokens that a query sees
    state     [   ][   ][   ][   ][ 4 ][ 5 ]    4 is read by the step, 5 written
              ------------------------ tokens
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class FullPages:
    """Later steps read all tokens.

    Args:
        page_size: tokens of a page.
    """

    page_size: int

    @property
    def drops(self) -> bool:
        """Whether pages become needless; then a request takes them step by step."""
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
    use for others, when a step ends at a page's end. A full one is read by the next step, which
    writes the state that it leaves to another page.

    Args:
        page_size: tokens after which a state may be kept for others.
    """

    def __init__(self, page_size: int) -> None:
        super().__init__(page_size, window=2)

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
