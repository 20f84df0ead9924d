"""Sizes of the paged KV cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from max.dtype import DType
from max.graph import BufferType, DeviceRef, TensorType
from max.nn.kv_cache.inputs import KVCacheInputs, KVCacheInputsPerDevice


@dataclass(frozen=True)
class KVCacheParams:
    """Sizes of a cache of keys and values in pages.

    Args:
        dtype: of keys and values.
        n_kv_heads: heads of keys and values.
        head_dim: elements of a head.
        num_layers: layers that have keys and values.
        devices: where the cache lives; one device in this release.
        enable_prefix_caching: whether full pages may be shared between requests.
        page_size: tokens of a page.
        data_parallel_degree: 1 in this release.

    Raises:
        ValueError: if a size is below 1.
        NotImplementedError: for more than one device.
    """

    dtype: DType
    n_kv_heads: int
    head_dim: int
    num_layers: int
    devices: Sequence[DeviceRef]
    enable_prefix_caching: bool = False
    page_size: int = 128
    data_parallel_degree: int = 1

    def __post_init__(self) -> None:
        wrong = [
            f"{name}={getattr(self, name)}"
            for name in ("n_kv_heads", "head_dim", "num_layers", "page_size")
            if getattr(self, name) < 1
        ]
        if wrong:
            raise ValueError(
                f"the KV cache's sizes must be at least 1, got {', '.join(wrong)}; heads and "
                "layers are the model's config.json's, the page size --kv-cache-page-size"
            )
        if len(self.devices) != 1 or self.data_parallel_degree != 1:
            raise NotImplementedError(
                f"this release serves a model on one device, got {len(self.devices)} devices and "
                f"data_parallel_degree {self.data_parallel_degree}: see --devices"
            )

    @property
    def n_kv_heads_per_device(self) -> int:
        """KV heads that one device holds."""
        return self.n_kv_heads

    @property
    def shape_per_block(self) -> list[int]:
        """One page: [keys and values, layers, tokens, heads, head_dim]."""
        return [2, self.num_layers, self.page_size, self.n_kv_heads, self.head_dim]

    @property
    def bytes_per_block(self) -> int:
        """Bytes of one page."""
        return prod(self.shape_per_block) * self.dtype.size_in_bytes

    def get_symbolic_inputs(self) -> KVCacheInputs[TensorType]:
        """The types of the tensors that a step hands to the graph."""
        device, host = self.devices[0], DeviceRef.CPU()
        per_device = KVCacheInputsPerDevice[TensorType](
            kv_blocks=BufferType(self.dtype, ["total_num_pages", *self.shape_per_block], device),
            cache_lengths=TensorType(DType.uint32, ["batch_size"], device),
            lookup_table=TensorType(DType.uint32, ["batch_size", "max_num_pages"], device),
            max_prompt_length=TensorType(DType.uint32, [1], host),
            max_cache_length=TensorType(DType.uint32, [1], host),
        )
        return KVCacheInputs([per_device])
