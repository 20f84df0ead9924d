"""Which pages each request holds. No tensors here: the page bookkeeping of `PagedKVCacheManager`.

tokens of a request   0 ........ 128 ...... 256 ... processed ... + active ...... len
its pages             [  page 7  ][  page 2  ][     page 9     ][   page 4   ]
                      `---- num_full ------'  `---- written by the coming step -'
                      shared, never written   held by this request alone
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from max.pipelines.kv_cache.block_pool import BlockPool
from max.pipelines.kv_cache.errors import KVCacheIntegrityError, UnknownRequestError
from max.pipelines.kv_cache.integrity import check_integrity
from max.pipelines.kv_cache.results import AllocationResult, KVCacheMetrics

if TYPE_CHECKING:
    from max.pipelines.context import TextContext


@dataclass
class RequestPages:
    """What one request holds.

    Attributes:
        pages: page ids in token order.
        num_full: leading pages that are full and registered for sharing; they are never written.
        coming_keys: keys of the pages that it announced and has not filled yet.
        registers: whether its pages may be found by others.
        tokens_asked: tokens that it looked for in the prefix cache, until that is counted.
    """

    pages: list[int] = field(default_factory=list)
    num_full: int = 0
    coming_keys: deque[bytes] = field(default_factory=deque)
    registers: bool = True
    tokens_asked: int = 0


class BlockManager:
    """Gives pages to requests, grows them, shares full ones by prefix, and takes them back.

    Args:
        total_num_pages: pages of the cache.
        page_size: tokens of a page.
        enable_prefix_caching: whether full pages stay findable by the tokens that they hold.
    """

    def __init__(
        self, total_num_pages: int, page_size: int, *, enable_prefix_caching: bool = False
    ) -> None:
        if page_size < 1:
            raise ValueError(f"--kv-cache-page-size must be at least 1 token, got {page_size}")
        self.pool = BlockPool(total_num_pages)
        self.page_size = page_size
        self.enable_prefix_caching = enable_prefix_caching
        self._requests: dict[str, RequestPages] = {}
        # Prefixes that some running request will register, by the page that ends them.
        self._coming: Counter[bytes] = Counter()
        self._prefix_tokens_asked = 0
        self._prefix_tokens_hit = 0

    def pages_for(self, num_tokens: int) -> int:
        """How many pages hold that many tokens."""
        return -(-num_tokens // self.page_size)

    def claim(self, request_id: str) -> None:
        """Opens an empty page list for a request.

        Raises:
            ValueError: if the request has one already.
        """
        if request_id in self._requests:
            raise ValueError(f"request '{request_id}' is claimed already; release it first")
        self._requests[request_id] = RequestPages()

    def contains(self, request_id: str) -> bool:
        """Whether the request is claimed."""
        return request_id in self._requests

    def pages_of(self, request_id: str) -> tuple[int, ...]:
        """The request's pages in token order."""
        return tuple(self._get(request_id, "look up").pages)

    def reuse_prefix(self, ctx: TextContext) -> int:
        """Shares the cached pages of a fresh request's first tokens, and skips those tokens.

        Tokens whose logits are wanted, at least the last one, are left to be computed. No more
        tokens are active than before.
        Always safe: does nothing when prefix caching is off or the request has begun.

        Returns:
            How many tokens were found; `ctx.tokens.processed_length` has grown by as many.
        """
        held = self._get(ctx.request_id, "look for a cached prefix of")
        if not self.enable_prefix_caching or held.pages or ctx.tokens.processed_length:
            return 0
        most = ctx.reusable_length // self.page_size
        for key in ctx.page_keys(self.page_size)[:most]:
            page = self.pool.index.get(key)
            if page is None:
                break
            self.pool.share(page)
            held.pages.append(page)
        held.num_full = len(held.pages)
        found = held.num_full * self.page_size
        if found:
            active = ctx.tokens.active_length
            ctx.tokens.skip(found)
            ctx.tokens.chunk(active)
        held.tokens_asked = len(ctx.tokens)
        return found

    def is_prefix_coming(self, ctx: TextContext) -> bool:
        """Whether another request has announced the page behind those that `reuse_prefix` found.

        Then a fresh request does better to wait than to compute it, too.
        """
        held = self._get(ctx.request_id, "look for a coming prefix of")
        if not self._coming or held.num_full >= ctx.reusable_length // self.page_size:
            return False
        return ctx.page_keys(self.page_size)[held.num_full] in self._coming

    def announce_prefix(self, ctx: TextContext) -> None:
        """Says that the request is going to fill and register the full pages of its tokens."""
        held = self._get(ctx.request_id, "announce the prefix of")
        if not (self.enable_prefix_caching and held.registers):
            return
        held.coming_keys.extend(ctx.page_keys(self.page_size)[held.num_full :])
        self._coming.update(held.coming_keys)

    def ask(self, ctx: TextContext, num_steps: int = 1) -> AllocationResult:
        """Whether pages for the request's processed and active tokens are there; takes none.

        `num_steps - 1` tokens more are covered, for steps that follow without another allocation.

        Raises:
            UnknownRequestError: if the request is not claimed.
            KVCacheIntegrityError: if the request's processed tokens are not what its pages hold.
        """
        held = self._get(ctx.request_id, "allocate for")
        self._check_processed(ctx, held)
        num_tokens = ctx.tokens.processed_length + ctx.tokens.active_length + num_steps - 1
        return AllocationResult(
            request_id=ctx.request_id,
            num_tokens=num_tokens,
            pages_held=len(held.pages),
            pages_needed=max(0, self.pages_for(num_tokens) - len(held.pages)),
            pages_free=self.pool.num_free,
            pages_total=self.pool.total_pages,
        )

    def try_alloc(self, ctx: TextContext, num_steps: int = 1) -> AllocationResult:
        """Grows the request's pages as `ask` says, or, when that does not fit, changes nothing."""
        result = self.ask(ctx, num_steps)
        if result.fits:
            held = self._requests[ctx.request_id]
            held.pages.extend(self.pool.take() for _ in range(result.pages_needed))
            self._count_lookup(held)
        return result

    def commit(self, ctx: TextContext) -> None:
        """Registers the pages that a step has filled. Calling it again is harmless.

        When another request has registered the same tokens meanwhile, its page is shared instead.
        """
        held = self._get(ctx.request_id, "commit")
        if not (self.enable_prefix_caching and held.registers):
            return
        full = ctx.tokens.computed_length // self.page_size
        if full == held.num_full:
            return
        keys = ctx.page_keys(self.page_size)
        for position in range(held.num_full, full):
            if held.coming_keys:
                self._forget_coming([held.coming_keys.popleft()])
            page, known = held.pages[position], self.pool.index.get(keys[position])
            if known is None:
                self.pool.index.add(keys[position], page)
            else:
                self.pool.share(known)
                self.pool.drop(page)
                held.pages[position] = known
        held.num_full = full

    def release(self, request_id: str) -> None:
        """Gives the request's pages back; its last pages will be reused before its first ones.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        held = self._get(request_id, "release")
        del self._requests[request_id]
        self._forget_coming(held.coming_keys)
        for page in reversed(held.pages):
            self.pool.drop(page)

    def reset_prefix_cache(self) -> None:
        """Forgets all cached prefixes. What running requests computed before is not found later."""
        self.pool.index.clear()
        self._coming.clear()
        for held in self._requests.values():
            held.registers = False
            held.coming_keys.clear()

    @property
    def metrics(self) -> KVCacheMetrics:
        """Counts for logs and metrics."""
        return KVCacheMetrics(
            num_total_pages=self.pool.total_pages,
            num_used_pages=self.pool.total_pages - self.pool.num_free,
            num_cached_pages=len(self.pool.index),
            prefix_tokens_asked=self._prefix_tokens_asked,
            prefix_tokens_hit=self._prefix_tokens_hit,
        )

    def check_integrity(self) -> None:
        """Compares the books with the requests' pages.

        Raises:
            KVCacheIntegrityError: naming every broken equation with both of its sides.
        """
        check_integrity(self.pool, self._requests, self._coming)

    def _get(self, request_id: str, action: str) -> RequestPages:
        held = self._requests.get(request_id)
        if held is None:
            raise UnknownRequestError(request_id, action)
        return held

    def _forget_coming(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._coming[key] -= 1
            if self._coming[key] == 0:
                del self._coming[key]

    def _count_lookup(self, held: RequestPages) -> None:
        """Counts a request's lookup once it begins, not each time that it tries to."""
        if held.tokens_asked:
            self._prefix_tokens_asked += held.tokens_asked
            self._prefix_tokens_hit += held.num_full * self.page_size
            held.tokens_asked = 0

    def _check_processed(self, ctx: TextContext, held: RequestPages) -> None:
        low, high = held.num_full * self.page_size, len(held.pages) * self.page_size
        if not low <= ctx.tokens.processed_length <= high:
            raise KVCacheIntegrityError(
                f"full pages <= processed tokens <= pages of request '{ctx.request_id}': "
                f"{low} <= {ctx.tokens.processed_length} <= {high} is false. "
                "Release a request before tokens.rewind(), and allocate before each step."
            )
