"""The pages that one request holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from max.pipelines.kv_cache.block_pool import NULL_PAGE
from max.pipelines.kv_cache.rules import PageGroup

UInt32Array = npt.NDArray[np.uint32]

# The width of tables of pages is a multiple of it, so that steps of equal width follow each other.
_COLUMNS = 8


class RequestPages:
    """What one request holds.

    The pages of a group at one position are a column: one page for each of its tables.

    Args:
        groups: of the cache's layers.

    Attributes:
        rows: uint32 [tables of all groups, width], page ids by position; else the null page.
        begins: of each group, the first position that it holds.
        ends: of each group, the position behind the last one that it holds.
        num_covered: leading positions whose pages all groups have had: the least of `ends`.
        num_pages: pages held.
        num_full: leading positions whose pages are full and registered for sharing; they are never
            written.
        coming_keys: keys of the pages that it announced and has not filled yet.
        registers: whether its pages may be found by others.
        tokens_asked: tokens that it looked for in the prefix cache, until that is counted.
    """

    __slots__ = (
        "begins",
        "coming_keys",
        "ends",
        "num_covered",
        "num_full",
        "num_pages",
        "registers",
        "rows",
        "slices",
        "tokens_asked",
    )

    def __init__(self, groups: Sequence[PageGroup]) -> None:
        bounds = [0, *accumulate(group.tables for group in groups)]
        self.slices = [slice(*pair) for pair in pairwise(bounds)]
        self.rows: UInt32Array = np.zeros((bounds[-1], _COLUMNS), np.uint32)
        self.begins = [0] * len(groups)
        self.ends = [0] * len(groups)
        self.num_covered = 0
        self.num_pages = 0
        self.num_full = 0
        self.coming_keys: deque[bytes] = deque()
        self.registers = True
        self.tokens_asked = 0

    def columns(self, group: int, first: int, end: int) -> list[tuple[int, ...]]:
        """A group's pages at each of some positions; null pages where it holds none."""
        return list(zip(*self.rows[self.slices[group], first:end].tolist(), strict=True))

    def held(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Group, position and pages of all columns held, the last positions first."""
        end = max(self.ends)
        groups = [self.columns(group, 0, end) for group in range(len(self.ends))]
        for position in range(end - 1, -1, -1):
            for group, columns in enumerate(groups):
                if columns[position][0] != NULL_PAGE:
                    yield group, position, columns[position]

    def row(self, width: int) -> UInt32Array:
        """`rows`, with at least so many columns from now on."""
        if width > self.rows.shape[1]:
            more = -(-width // _COLUMNS) * _COLUMNS - self.rows.shape[1]
            self.rows = np.pad(self.rows, ((0, 0), (0, more)))
        return self.rows

    def put(self, group: int, first: int, columns: Sequence[Sequence[int]]) -> None:
        """Holds columns from a position on, where it held none or others."""
        if not columns:
            return
        end = first + len(columns)
        places = self.row(end)[self.slices[group], first:end]
        self.num_pages += places.size - int(np.count_nonzero(places))
        places[:] = np.array(columns, np.uint32).T

    def end_at(self, group: int, position: int) -> None:
        """Notes that a group has its pages before a position."""
        self.ends[group] = max(self.ends[group], position)
        self.num_covered = min(self.ends)

    def settle(self, group: int, position: int) -> None:
        """Lets the last column be that of a position that has none."""
        if self.rows[self.slices[group], position][0] == NULL_PAGE:
            last = self.ends[group] - 1
            self.put(group, position, self.remove(group, last, last + 1))
            self.ends[group] = position + 1
            self.num_covered = min(self.ends)

    def remove(self, group: int, first: int, end: int) -> list[tuple[int, ...]]:
        """Holds columns no more; gives those that it held."""
        columns = [c for c in self.columns(group, first, end) if c[0] != NULL_PAGE]
        self.num_pages -= sum(map(len, columns))
        self.rows[self.slices[group], first:end] = NULL_PAGE
        return columns
