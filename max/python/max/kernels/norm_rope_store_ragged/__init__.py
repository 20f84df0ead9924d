"""Norms of heads, rotation, and the way of keys and values into the cache."""

from max.kernels.norm_rope_store_ragged.op import norm_rope_store_ragged

__all__ = ["norm_rope_store_ragged"]
