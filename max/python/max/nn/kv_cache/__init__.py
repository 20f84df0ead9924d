"""What layers and cache agree on: sizes of the KV cache and the tensors that a step hands over."""

from max.nn.kv_cache.cache_params import KVCacheParams
from max.nn.kv_cache.inputs import KVCacheInputs, KVCacheInputsPerDevice, PagedCacheValues

__all__ = ["KVCacheInputs", "KVCacheInputsPerDevice", "KVCacheParams", "PagedCacheValues"]
