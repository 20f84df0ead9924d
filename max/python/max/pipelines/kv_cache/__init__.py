"""The paged KV cache: pages, prefix sharing, memory planning."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from max.pipelines.config import KVCacheConfig
    from max.pipelines.kv_cache.block_manager import BlockManager
    from max.pipelines.kv_cache.block_pool import BlockPool
    from max.pipelines.kv_cache.errors import (
        InsufficientBlocksError,
        InsufficientMemoryError,
        KVCacheIntegrityError,
        UnknownRequestError,
    )
    from max.pipelines.kv_cache.manager import PagedKVCacheManager
    from max.pipelines.kv_cache.memory_planner import MemoryPlan, PagedMemoryPlanner
    from max.pipelines.kv_cache.results import AllocationResult, KVCacheMetrics

_MODULES = {
    "AllocationResult": "max.pipelines.kv_cache.results",
    "BlockManager": "max.pipelines.kv_cache.block_manager",
    "BlockPool": "max.pipelines.kv_cache.block_pool",
    "InsufficientBlocksError": "max.pipelines.kv_cache.errors",
    "InsufficientMemoryError": "max.pipelines.kv_cache.errors",
    "KVCacheConfig": "max.pipelines.config",
    "KVCacheIntegrityError": "max.pipelines.kv_cache.errors",
    "KVCacheMetrics": "max.pipelines.kv_cache.results",
    "MemoryPlan": "max.pipelines.kv_cache.memory_planner",
    "PagedKVCacheManager": "max.pipelines.kv_cache.manager",
    "PagedMemoryPlanner": "max.pipelines.kv_cache.memory_planner",
    "UnknownRequestError": "max.pipelines.kv_cache.errors",
}

__all__ = [
    "AllocationResult",
    "BlockManager",
    "BlockPool",
    "InsufficientBlocksError",
    "InsufficientMemoryError",
    "KVCacheConfig",
    "KVCacheIntegrityError",
    "KVCacheMetrics",
    "MemoryPlan",
    "PagedKVCacheManager",
    "PagedMemoryPlanner",
    "UnknownRequestError",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
