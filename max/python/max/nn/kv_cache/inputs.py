"""The cache's tensors of one step: as graph types, as graph values, and as buffers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeAlias, TypeVar

from max.graph import Value

T = TypeVar("T")


@dataclass(frozen=True)
class KVCacheInputsPerDevice(Generic[T]):
    """The cache of one device, in the order of the graph's inputs.

    Args:
        kv_blocks: all pages, [pages, 2, layers, page_size, kv_heads, head_dim]; written to. No
            request holds page 0, the null page.
        cache_lengths: uint32 [batch], tokens of each request in the cache before this step.
        lookup_table: uint32 [batch, max_pages], each request's pages in order; 0 where it has none.
        max_prompt_length: uint32 [1] on the host, most rows of a request in this step.
        max_cache_length: uint32 [1] on the host, most tokens of a request after this step.
    """

    kv_blocks: T
    cache_lengths: T
    lookup_table: T
    max_prompt_length: T
    max_cache_length: T

    def flatten(self) -> list[T]:
        """The fields in order."""
        return [
            self.kv_blocks,
            self.cache_lengths,
            self.lookup_table,
            self.max_prompt_length,
            self.max_cache_length,
        ]

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
        count = len(fields(KVCacheInputsPerDevice))
        return [KVCacheInputsPerDevice(*(next(values) for _ in range(count))) for _ in self.inputs]
