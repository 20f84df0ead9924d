"""What can go wrong with the paged KV cache."""

from __future__ import annotations

from max.pipelines.kv_cache.results import AllocationResult


class InsufficientBlocksError(RuntimeError):
    """The cache has too few free pages for a request now.

    Attributes:
        result: the numbers: tokens to cover, pages needed, pages free.
    """

    def __init__(self, result: AllocationResult) -> None:
        self.result = result
        super().__init__(
            f"{result}. Release finished requests, lower --max-batch-size or --max-length, "
            "or give the cache more memory with --device-memory-utilization."
        )


class UnknownRequestError(LookupError):
    """A request holds no place in the cache: it was never claimed, or it is released already."""

    def __init__(self, request_id: str, action: str) -> None:
        super().__init__(
            f"cannot {action} request '{request_id}': it holds no place in the KV cache. "
            "Call claim(request_id) first, and release(request_id) only once."
        )


class KVCacheIntegrityError(RuntimeError):
    """The page bookkeeping contradicts itself; the message shows both sides of each equation."""


class InsufficientMemoryError(ValueError):
    """Weights and one request's KV pages do not fit in the memory; the message has the numbers."""
