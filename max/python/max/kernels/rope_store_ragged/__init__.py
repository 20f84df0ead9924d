"""Rotary position embedding of queries and keys, and the write of keys and values to the cache."""

from max.kernels.rope_store_ragged.op import rope_store_ragged

__all__ = ["rope_store_ragged"]
