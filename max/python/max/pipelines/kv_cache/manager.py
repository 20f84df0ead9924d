"""The paged KV cache: page bookkeeping, the pages' memory, and the tensors that a step reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from max.driver import Buffer, Device
from max.pipelines.kv_cache.block_manager import BlockManager
from max.pipelines.kv_cache.errors import InsufficientBlocksError
from max.pipelines.kv_cache.lookup import make_lookup
from max.pipelines.kv_cache.page_map import PageMap
from max.pipelines.kv_cache.results import AllocationResult, KVCacheMetrics
from max.pipelines.kv_cache.rules import StatePages, page_groups
from max.pipelines.kv_cache.storage import allocate_pages, page_views

if TYPE_CHECKING:
    from max.nn.kv_cache import KVCacheInputs, KVCacheParamInterface
    from max.pipelines.context import TextContext


class PagedKVCacheManager:
    """Holds what all requests keep of their tokens in pages of one block of memory.

    The life of a request: `claim`, then per step `alloc`, the forward pass (which reads
    `runtime_inputs`), `step`; at the end `release`.

    Args:
        params: shape and dtype of the cache.
        total_num_pages: pages that requests can hold, each `params.bytes_per_block` bytes; they and
            the null page are allocated now.
        device: where the pages live.
        max_batch_size: most requests of one step; None sets no bound.
        step_tokens: most tokens of one step; None sets no bound. Layers that see a window need
            pages for no more than it and a step.
        steps_in_flight: most steps that are launched and not noted by `step` yet, whose tokens no
            page is given back for.
    """

    def __init__(
        self,
        params: KVCacheParamInterface,
        total_num_pages: int,
        device: Device,
        max_batch_size: int | None = None,
        step_tokens: int | None = None,
        steps_in_flight: int = 1,
    ) -> None:
        self.params = params
        self.device = device
        self.max_batch_size = max_batch_size
        self.step_tokens = step_tokens
        self._tokens_in_flight = step_tokens and step_tokens * steps_in_flight
        self.blocks = BlockManager(
            total_num_pages,
            params.page_size,
            enable_prefix_caching=params.enable_prefix_caching,
            groups=page_groups(params.layout, params.page_size),
        )
        pages = allocate_pages(total_num_pages + 1, params.bytes_per_block, device)
        self.kv_blocks = [Buffer(view) for view in page_views(pages, params.layout)]

    @property
    def page_size(self) -> int:
        """Tokens of a page."""
        return self.blocks.page_size

    @property
    def total_num_pages(self) -> int:
        """Pages of the cache."""
        return self.blocks.pool.total_pages

    @property
    def has_states(self) -> bool:
        """Whether a step can find what the last one left only when that one is committed."""
        return any(isinstance(group.rule, StatePages) for group in self.blocks.groups)

    @property
    def num_free_pages(self) -> int:
        """Pages that a request could get now."""
        return self.blocks.pool.num_free

    @property
    def num_page_moves(self) -> int:
        """Grows whenever a request's pages change, and so where layers find them, but for states,
        which are found by how far a request has got."""
        return self.blocks.pool.num_moves

    @property
    def metrics(self) -> KVCacheMetrics:
        """Counts for logs and metrics."""
        return self.blocks.metrics

    def pages_for(self, num_tokens: int) -> int:
        """Most pages that a request of that many tokens holds at a time."""
        return self.blocks.pages_for(num_tokens, self._tokens_in_flight)

    def claim(self, request_id: str, replica_idx: int = 0) -> None:
        """Opens a place for a request, without pages yet.

        Raises:
            ValueError: if it has one already, or for a replica other than 0.
        """
        _check_replica(replica_idx)
        self.blocks.claim(request_id)

    def contains(self, request_id: str, replica_idx: int = 0) -> bool:
        """Whether the request is claimed."""
        _check_replica(replica_idx)
        return self.blocks.contains(request_id)

    def reuse_prefix(self, ctx: TextContext) -> int:
        """Lets a claimed, fresh request share the cached pages of its first tokens.

        Always safe: does nothing when prefix caching is off or the request has begun.

        Returns:
            How many tokens need not be computed; `ctx.tokens` has skipped them.
        """
        return self.blocks.reuse_prefix(ctx)

    def is_prefix_coming(self, ctx: TextContext) -> bool:
        """Whether another request is computing the page that `ctx` could share next."""
        return self.blocks.is_prefix_coming(ctx)

    def announce_prefix(self, ctx: TextContext) -> None:
        """Says that the request computes the full pages of its tokens in the coming steps."""
        self.blocks.announce_prefix(ctx)

    def covers(self, ctx: TextContext) -> bool:
        """Whether a claimed request has the pages for its processed and active tokens already.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        return self.blocks.covers(ctx)

    def try_alloc(self, ctx: TextContext, num_steps: int = 1) -> AllocationResult:
        """Takes the pages that the request's processed and active tokens need, or none of them.

        Where layers see a window, only the tokens of the coming step need pages, `step_tokens`.

        Args:
            ctx: a claimed request.
            num_steps: steps to cover, each after the first with one token more.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        return self.blocks.try_alloc(ctx, num_steps, self.step_tokens)

    def alloc(self, ctx: TextContext, replica_idx: int = 0, num_steps: int = 1) -> None:
        """Makes room for the coming step. A fresh request first gets its cached prefix, if any.

        Raises:
            InsufficientBlocksError: if too few pages are free; no page was taken then.
            UnknownRequestError: if the request is not claimed.
            ValueError: for a replica other than 0.
        """
        _check_replica(replica_idx)
        self.blocks.reuse_prefix(ctx)
        result = self.blocks.try_alloc(ctx, num_steps)
        if not result.fits:
            raise InsufficientBlocksError(result)

    def get_pct_used_blocks_after_allocation(
        self, ctx: TextContext, replica_idx: int = 0, num_steps: int = 1
    ) -> float:
        """The share of pages in use if `ctx` were allocated; above 1 means that it does not fit."""
        _check_replica(replica_idx)
        result = self.blocks.ask(ctx, num_steps, self.step_tokens)
        used = result.pages_total - result.pages_free + result.pages_needed
        return used / result.pages_total

    def runtime_inputs(
        self, batches: Sequence[Sequence[TextContext]], num_steps: int = 1
    ) -> KVCacheInputs[Buffer]:
        """The cache tensors of a step over requests that have their pages.

        Args:
            batches: the step's requests, one list per replica (there is one).
            num_steps: steps that the tensors must be valid for.

        Returns:
            One device's `kv_blocks`, `cache_lengths [batch]`, `lookup_table [batch, pages]` on the
            device (the last of each table of `params.layout`), and `max_prompt_length [1]`,
            `max_cache_length [1]` on the host, all uint32.

        Raises:
            KVCacheIntegrityError: if a request's pages do not cover its active tokens.
            UnknownRequestError: if a request is not claimed.
            ValueError: for another number of replicas or a batch above `max_batch_size`.
        """
        batch = _only_replica(batches)
        if self.max_batch_size is not None and len(batch) > self.max_batch_size:
            raise ValueError(
                f"a batch of {len(batch)} requests was given, at most {self.max_batch_size} are "
                "allowed; raise --max-batch-size or send fewer at once"
            )
        lookup = make_lookup(self.blocks, batch, num_steps)
        return self.params.inputs(
            self.kv_blocks,
            Buffer.from_numpy(lookup.cache_lengths).to(self.device),
            [Buffer.from_numpy(table).to(self.device) for table in lookup.lookup_tables],
            Buffer.from_numpy(lookup.max_prompt_length),
            Buffer.from_numpy(lookup.max_cache_length),
        )

    def step(self, batches: Sequence[Sequence[TextContext]]) -> None:
        """Takes note of a finished step: full pages of computed tokens become shareable.

        Calling it twice is harmless.
        """
        for ctx in _only_replica(batches):
            self.blocks.commit(ctx)

    def release(self, request_id: str, replica_idx: int = 0) -> None:
        """Gives the request's pages back at once.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        _check_replica(replica_idx)
        self.blocks.release(request_id)

    def reset_prefix_cache(self) -> None:
        """Forgets all cached prefixes; running requests go on."""
        self.blocks.reset_prefix_cache()

    def page_map(self, most_cells: int) -> PageMap:
        """What all pages hold, for people to look at."""
        return self.blocks.page_map(most_cells)

    def pages_held(self, request_id: str) -> list[int]:
        """The pages that a request holds, in token order.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        return self.blocks.pages_held(request_id)

    def check_integrity(self) -> None:
        """Compares the books of the pages with what the requests hold.

        Raises:
            KVCacheIntegrityError: naming every broken equation with both of its sides.
        """
        self.blocks.check_integrity()


def _check_replica(replica_idx: int) -> None:
    if replica_idx != 0:
        raise ValueError(
            f"replica_idx={replica_idx} was given, but there is one replica, 0: this release has "
            "no data parallelism; leave --data-parallel-degree at 1"
        )


def _only_replica(batches: Sequence[Sequence[TextContext]]) -> Sequence[TextContext]:
    if len(batches) != 1:
        raise ValueError(
            f"{len(batches)} replica batches were given, but there is one replica; "
            "pass [[ctx, ...]]"
        )
    return batches[0]
