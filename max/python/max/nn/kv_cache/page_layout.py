"""How groups of layers share pages of one size.

A page holds `page_size` tokens of some layers. Every page has the same bytes, so that any group can
take it; a group with more layers than a page holds is several tables, whose pages are taken and
dropped together. Five windowed layers and one that sees all, of equal entries:

    layers    0 1 2 3 4   |  5         a page holds one layer: six tables
    tables    0 1 2 3 4   |  5         (with pages of five layers, layer 5 would waste four fifths)

Borders of pages are at the same tokens in all groups, so that one chain of keys names the pages of
all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from max.nn.kv_cache.groups import CacheGroup, Window

# Up to this share of a group's bytes may be padding, where that spares tables.
_PADDING = 1 / 8
# Bytes; pages of several groups begin at multiples of it, so that any element type is aligned.
_ALIGNMENT = 64


@dataclass(frozen=True)
class PageTable:
    """Layers whose entries stand in the same pages.

    Args:
        group: which they are of.
        layers: their numbers in the model; layer `layers[i]` is the i-th of a page.
        shape: of a page, in elements of the group's dtype.
    """

    group: CacheGroup
    layers: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def window(self) -> int | None:
        """How many tokens back the pages of a request reach; None for all."""
        return self.group.keep.tokens if isinstance(self.group.keep, Window) else None


@dataclass(frozen=True)
class PageLayout:
    """The tables of a model's groups, and the size of the pages.

    Args:
        bytes_per_page: of every page.
        tables: of the groups, in their order.
    """

    bytes_per_page: int
    tables: tuple[PageTable, ...]

    @classmethod
    def of(cls, groups: Sequence[CacheGroup], page_size: int) -> PageLayout:
        """The layout with the fewest tables among those that waste little.

        One group gets one table, and pages of all its layers.
        """
        sizes = [group.layer_bytes(page_size) for group in groups]
        candidates = {
            size * layers
            for group, size in zip(groups, sizes, strict=True)
            for layers in range(1, len(group.layers) + 1)
            if size * layers >= max(sizes)
        }
        page = min(candidates, key=lambda page: _cost(page, groups, sizes))
        tables = []
        for group, size in zip(groups, sizes, strict=True):
            held = min(page // size, len(group.layers))
            shape = tuple(group.entry.page_shape(held, page_size))
            for first in range(0, len(group.layers), held):
                tables.append(PageTable(group, group.layers[first : first + held], shape))
        return cls(page if len(tables) == 1 else _aligned(page), tuple(tables))

    @cached_property
    def places(self) -> dict[int, tuple[int, int]]:
        """Each layer of the model: its table, and its index in a page."""
        return {
            layer: (number, index)
            for number, table in enumerate(self.tables)
            for index, layer in enumerate(table.layers)
        }

    @cached_property
    def views(self) -> tuple[int, ...]:
        """Of each table the first one that sees the memory as it does: in elements of the same
        dtype and pages of the same shape."""
        looks = [(table.group.entry.dtype, table.shape) for table in self.tables]
        return tuple(map(looks.index, looks))


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _cost(page: int, groups: Sequence[CacheGroup], sizes: Sequence[int]) -> tuple[float, int, int]:
    """What a page size costs: padding beyond what is allowed, tables, bytes."""
    tables, worst = 0, _PADDING
    for group, size in zip(groups, sizes, strict=True):
        layers = len(group.layers)
        count = -(-layers // min(page // size, layers))
        tables += count
        worst = max(worst, count * page / (layers * size) - 1)
    return worst, tables, tables * page
