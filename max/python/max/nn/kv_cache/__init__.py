"""What layers and cache agree on: sizes of the KV cache and the tensors that a step hands over."""

from max.nn.kv_cache.cache_params import (
    KVCacheParams,
    MHAKVCacheParams,
    MLAKVCacheParams,
    MultiKVCacheParams,
)
from max.nn.kv_cache.groups import All, CacheGroup, Keep, KeyValue, Latent, Slot, State, Window
from max.nn.kv_cache.inputs import (
    CacheLayer,
    GroupedCacheInputs,
    KVCacheInputs,
    KVCacheInputsInterface,
    KVCacheInputsPerDevice,
    PagedCacheValues,
)
from max.nn.kv_cache.layer import static_layer_index
from max.nn.kv_cache.page_layout import PageLayout
from max.nn.kv_cache.param_interface import KVCacheParamInterface

__all__ = [
    "All",
    "CacheGroup",
    "CacheLayer",
    "GroupedCacheInputs",
    "KVCacheInputs",
    "KVCacheInputsInterface",
    "KVCacheInputsPerDevice",
    "KVCacheParamInterface",
    "KVCacheParams",
    "Keep",
    "KeyValue",
    "Latent",
    "MHAKVCacheParams",
    "MLAKVCacheParams",
    "MultiKVCacheParams",
    "PageLayout",
    "PagedCacheValues",
    "Slot",
    "State",
    "Window",
    "static_layer_index",
]
