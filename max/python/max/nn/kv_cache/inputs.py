"""The cache's tensors of one step: as graph types, as graph values, and as buffers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from max.graph import Value
from max.nn.kv_cache.page_layout import PageLayout

T = TypeVar("T")


@dataclass(frozen=True)
class KVCacheInputsPerDevice(Generic[T]):
    """The cache of one device, in the order of the graph's inputs.

    Args:
        kv_blocks: all pages, [pages, 2, layers, page_size, kv_heads, head_dim] for keys and values;
            written to. In memory the tokens of a head lie in sequence. No request holds page 0, the
            null page.
        cache_lengths: uint32 [batch], tokens of each request in the cache before this step.
        lookup_table: uint32 [batch, max_pages], each request's pages in the order of their tokens;
            0 where it has none, or needs it no more. For states [batch, 2]: the page to read (a
            request of cache length 0 begins with zeros instead), and that to write.
        max_prompt_length: uint32 [1] on the host, most rows of a request in this step.
        max_cache_length: uint32 [1] on the host, most tokens of a request after this step.
        window: how many tokens, its own included, a query may see; None for all. The pages of those
            before may be gone.
    """

    kv_blocks: T
    cache_lengths: T
    lookup_table: T
    max_prompt_length: T
    max_cache_length: T
    window: int | None = None

    def flatten(self) -> list[T]:
        """The tensors in order."""
        return [
            self.kv_blocks,
            self.cache_lengths,
            self.lookup_table,
            self.max_prompt_length,
            self.max_cache_length,
        ]

    def unflatten(self, flat: Iterator[Any]) -> PagedCacheValues:
        """The graph's values of these inputs, consumed from `flat` in order."""
        values = KVCacheInputsPerDevice(*(next(flat) for _ in range(5)))
        return replace(values, window=self.window)

    def layer(self, index: int) -> CacheLayer:
        """Where layer `index` of the model keeps its entries."""
        return CacheLayer(self, index)


# What layers take: the cache of their device as values of the graph.
PagedCacheValues: TypeAlias = KVCacheInputsPerDevice[Any]


@dataclass(frozen=True)
class CacheLayer:
    """Where the cache keeps one layer's entries: which pages, and which layer within them."""

    values: PagedCacheValues
    index: int


@dataclass(frozen=True, kw_only=True)
class GroupedCacheInputs(KVCacheInputsPerDevice[T]):
    """The cache of one device whose layers are in several tables. Its fields are the first one's.

    The graph's inputs are those of the first table; then of each further one its pages, where no
    table before sees them as it does, and its lookup table.

    Args:
        tables: all of them; they differ in `kv_blocks`, `lookup_table` and `window`.
        layout: which layers are in which table.
    """

    tables: Sequence[KVCacheInputsPerDevice[T]]
    layout: PageLayout

    def flatten(self) -> list[T]:
        """The tensors in order."""
        flat = super().flatten()
        for number, table in enumerate(self.tables[1:], 1):
            if self.layout.views[number] == number:
                flat.append(table.kv_blocks)
            flat.append(table.lookup_table)
        return flat

    def unflatten(self, flat: Iterator[Any]) -> PagedCacheValues:
        """The graph's values of these inputs, consumed from `flat` in order."""
        values = [self.tables[0].unflatten(flat)]
        for number, view in enumerate(self.layout.views[1:], 1):
            kv_blocks = next(flat) if view == number else values[view].kv_blocks
            window = self.tables[number].window
            values.append(
                replace(values[0], kv_blocks=kv_blocks, lookup_table=next(flat), window=window)
            )
        return join_tables(values, self.layout)

    def layer(self, index: int) -> CacheLayer:
        """Where layer `index` of the model keeps its entries."""
        table, place = self.layout.places[index]
        return CacheLayer(self.tables[table], place)


def join_tables(
    tables: Sequence[KVCacheInputsPerDevice[T]], layout: PageLayout
) -> KVCacheInputsPerDevice[T]:
    """The cache of one device, of the tables of a layout."""
    first = tables[0]
    if len(tables) == 1:
        return first
    return GroupedCacheInputs(
        kv_blocks=first.kv_blocks,
        cache_lengths=first.cache_lengths,
        lookup_table=first.lookup_table,
        max_prompt_length=first.max_prompt_length,
        max_cache_length=first.max_cache_length,
        window=first.window,
        tables=tables,
        layout=layout,
    )


@dataclass(frozen=True)
class KVCacheInputs(Generic[T]):
    """The caches of all devices."""

    inputs: Sequence[KVCacheInputsPerDevice[T]]

    def flatten(self) -> list[T]:
        """All tensors, in the order of the graph's inputs."""
        return [t for per_device in self.inputs for t in per_device.flatten()]

    def unflatten(self, flat: Iterable[Value]) -> list[PagedCacheValues]:
        """The graph's values of these inputs, consumed from `flat` in order."""
        values: Iterator[Value] = iter(flat)
        return [per_device.unflatten(values) for per_device in self.inputs]


# The documented name of what takes the inputs of any kind of cache.
KVCacheInputsInterface = KVCacheInputs
