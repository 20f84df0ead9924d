"""Values that the paged KV cache answers with."""

from __future__ import annotations

from typing import NamedTuple


class AllocationResult(NamedTuple):
    """The answer to "does this request fit?". When it does, its pages have been taken.

    Attributes:
        request_id: the request that asked.
        num_tokens: how many of its tokens the pages must cover.
        pages_held: pages that it held before.
        pages_needed: pages that it needed on top of those.
        pages_free: pages that were free when it asked.
        pages_total: all pages of the cache.
    """

    request_id: str
    num_tokens: int
    pages_held: int
    pages_needed: int
    pages_free: int
    pages_total: int

    @property
    def fits(self) -> bool:
        """Whether the pages were there."""
        return self.pages_needed <= self.pages_free

    def __str__(self) -> str:
        return (
            f"request '{self.request_id}' needs {self.pages_needed} more KV pages to hold "
            f"{self.num_tokens} tokens (it has {self.pages_held}); "
            f"{self.pages_free} of {self.pages_total} are free"
        )


class KVCacheMetrics(NamedTuple):
    """A snapshot of the cache for counters and logs.

    Attributes:
        num_total_pages: all pages.
        num_used_pages: pages that some request holds.
        num_cached_pages: pages whose content can be reused by a prefix hit, held or free.
        prefix_tokens_asked: tokens of all requests that looked for a cached prefix.
        prefix_tokens_hit: those of them that were found.
    """

    num_total_pages: int
    num_used_pages: int
    num_cached_pages: int
    prefix_tokens_asked: int
    prefix_tokens_hit: int
