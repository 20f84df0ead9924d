"""What everybody asks of the sizes of a cache."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TypeVar

from max.dtype import DType
from max.graph import BufferType, DeviceRef, TensorType
from max.nn.kv_cache.groups import CacheGroup, State
from max.nn.kv_cache.inputs import KVCacheInputs, KVCacheInputsPerDevice, join_tables
from max.nn.kv_cache.page_layout import PageLayout

T = TypeVar("T")


class KVCacheParamInterface(ABC):
    """Sizes of a cache in pages.

    Attributes:
        devices: where the cache lives; one device in this release.
        enable_prefix_caching: whether full pages may be shared between requests.
        page_size: tokens of a page.
    """

    devices: Sequence[DeviceRef]
    enable_prefix_caching: bool
    page_size: int

    @property
    @abstractmethod
    def groups(self) -> tuple[CacheGroup, ...]:
        """Which layers keep what, and for how long."""

    @cached_property
    def layout(self) -> PageLayout:
        """How the groups share pages."""
        return PageLayout.of(self.groups, self.page_size)

    @property
    def bytes_per_block(self) -> int:
        """Bytes of one page."""
        return self.layout.bytes_per_page

    def check_devices(self, data_parallel_degree: int = 1) -> None:
        """Refuses what this release does not do.

        Raises:
            NotImplementedError: for more than one device.
        """
        if len(self.devices) != 1 or data_parallel_degree != 1:
            raise NotImplementedError(
                f"this release serves a model on one device, got {len(self.devices)} devices and "
                f"data_parallel_degree {data_parallel_degree}: see --devices"
            )

    def inputs(
        self,
        kv_blocks: Sequence[T],
        cache_lengths: T,
        lookup_tables: Sequence[T],
        max_prompt_length: T,
        max_cache_length: T,
    ) -> KVCacheInputs[T]:
        """What a step hands to the graph.

        Args:
            kv_blocks: of each table of `layout`, its view of the pages.
            cache_lengths: see `KVCacheInputsPerDevice`, as all others.
            lookup_tables: of each table.
            max_prompt_length: on the host.
            max_cache_length: on the host.
        """
        tables = [
            KVCacheInputsPerDevice(
                blocks, cache_lengths, lookup, max_prompt_length, max_cache_length, table.window
            )
            for table, blocks, lookup in zip(
                self.layout.tables, kv_blocks, lookup_tables, strict=True
            )
        ]
        return KVCacheInputs([join_tables(tables, self.layout)])

    def get_symbolic_inputs(self) -> KVCacheInputs[TensorType]:
        """The types of the tensors that a step hands to the graph."""
        device, host = self.devices[0], DeviceRef.CPU()
        entries = [(table.group.entry, table.shape) for table in self.layout.tables]
        length = TensorType(DType.uint32, [1], host)
        return self.inputs(
            [BufferType(e.dtype, ["total_num_pages", *shape], device) for e, shape in entries],
            TensorType(DType.uint32, ["batch_size"], device),
            [
                TensorType(
                    DType.uint32,
                    ["batch_size", 2 if isinstance(entry, State) else "max_num_pages"],
                    device,
                )
                for entry, _ in entries
            ],
            length,
            length,
        )
