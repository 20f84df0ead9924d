"""What layers and cache agree on: sizes of the KV cache and the tensors that a step hands over."""

from max.nn.kv_cache.cache_params import KVCacheParams
from max.nn.kv_cache.inputs import (
    CacheLayer,
    KVCacheInputs,
    KVCacheInputsPerDevice,
    PagedCacheValues,
)
from max.nn.kv_cache.layer import static_layer_index

__all__ = [
    "CacheLayer",
    "KVCacheInputs",
    "KVCacheInputsPerDevice",
    "KVCacheParams",
    "PagedCacheValues",
    "static_layer_index",
]
