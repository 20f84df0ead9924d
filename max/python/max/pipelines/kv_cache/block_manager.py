"""Which pages each request holds. No tensors here: the page bookkeeping of `PagedKVCacheManager`.

tokens of a request   0 ........ 128 ...... 256 ... processed ... + active ...... len
its pages             [  page 7  ][  page 2  ][     page 9     ][   page 4   ]
 of a windowed group  [   null   ][  page 3  ][     page 8     ][   page 5   ]
                      `---- num_full ------'  `---- written by the coming step -'
                      shared, never written   held by this request alone
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from max.pipelines.kv_cache.block_pool import BlockPool
from max.pipelines.kv_cache.errors import KVCacheIntegrityError, UnknownRequestError
from max.pipelines.kv_cache.integrity import check_integrity
from max.pipelines.kv_cache.page_map import PageMap, map_pages
from max.pipelines.kv_cache.request_pages import RequestPages
from max.pipelines.kv_cache.results import AllocationResult, KVCacheMetrics
from max.pipelines.kv_cache.rules import FullPages, PageGroup, StatePages, most_pages

if TYPE_CHECKING:
    from max.pipelines.context import TextContext


class BlockManager:
    """Gives pages to requests, grows them, shares full ones by prefix, and takes them back.

    Args:
        total_num_pages: pages of the cache.
        page_size: tokens of a page.
        enable_prefix_caching: whether full pages stay findable by the tokens that they hold.
        groups: which pages are held together and for how long; one group that keeps all of them
            unless given.
    """

    def __init__(
        self,
        total_num_pages: int,
        page_size: int,
        *,
        enable_prefix_caching: bool = False,
        groups: Sequence[PageGroup] = (),
    ) -> None:
        if page_size < 1:
            raise ValueError(f"--kv-cache-page-size must be at least 1 token, got {page_size}")
        self.pool = BlockPool(total_num_pages)
        self.page_size = page_size
        self.enable_prefix_caching = enable_prefix_caching
        self.groups = tuple(groups) or (PageGroup(FullPages(page_size)),)
        self.num_tables = sum(group.tables for group in self.groups)
        self._states = [
            i for i, group in enumerate(self.groups) if isinstance(group.rule, StatePages)
        ]
        self._dropping = [
            (i, group.rule) for i, group in enumerate(self.groups) if group.rule.drops
        ]
        self._requests: dict[str, RequestPages] = {}
        # Prefixes that some running request will register, by the page that ends them.
        self._coming: Counter[bytes] = Counter()
        self._prefix_tokens_asked = 0
        self._prefix_tokens_hit = 0

    def pages_for(self, num_tokens: int, step_tokens: int | None = None) -> int:
        """Most pages that a request of that many tokens holds at a time.

        Args:
            num_tokens: of the request.
            step_tokens: most tokens that a step computes; None if that may be all.
        """
        return most_pages(self.groups, num_tokens, step_tokens)

    def claim(self, request_id: str) -> None:
        """Opens an empty page list for a request.

        Raises:
            ValueError: if the request has one already.
        """
        if request_id in self._requests:
            raise ValueError(f"request '{request_id}' is claimed already; release it first")
        self._requests[request_id] = RequestPages(self.groups)

    def contains(self, request_id: str) -> bool:
        """Whether the request is claimed."""
        return request_id in self._requests

    def holding(self, request_id: str) -> RequestPages:
        """What the request holds.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        return self._get(request_id, "look up")

    def pages_of(self, request_id: str, table: int = 0) -> tuple[int, ...]:
        """The request's pages in token order, of one table; the null page for those before."""
        held = self.holding(request_id)
        group = next(i for i, rows in enumerate(held.slices) if table < rows.stop)
        return tuple(held.rows[table, : held.ends[group]].tolist())

    def reuse_prefix(self, ctx: TextContext) -> int:
        """Shares the cached pages of a fresh request's first tokens, and skips those tokens.

        Tokens whose logits are wanted, at least the last one, are left to be computed. No more
        tokens are active than before.
        Always safe: does nothing when prefix caching is off or the request has begun.

        Returns:
            How many tokens were found; `ctx.tokens.processed_length` has grown by as many.
        """
        held = self._get(ctx.request_id, "look for a cached prefix of")
        if not self.enable_prefix_caching or held.num_pages or ctx.tokens.processed_length:
            return 0
        keys = ctx.page_keys(self.page_size)
        hit = self._longest_hit(keys, ctx.reusable_length // self.page_size)
        for index, group in enumerate(self.groups):
            first = group.rule.first(hit * self.page_size)
            columns = [self.pool.index.column(index, key) for key in keys[first:hit]]
            for pages in columns:
                self._share(pages)
            held.put(index, first, columns)
            held.begins[index] = first
            held.end_at(index, hit)
        held.num_full = hit
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

    def covers(self, ctx: TextContext) -> bool:
        """Whether `try_alloc` would take no page: the coming step's tokens have theirs.

        Raises:
            UnknownRequestError: if the request is not claimed.
            KVCacheIntegrityError: if the request's processed tokens are not what its pages hold.
        """
        held = self._get(ctx.request_id, "allocate for")
        self._check_processed(ctx, held)
        num_tokens = ctx.tokens.processed_length + ctx.tokens.active_length
        return num_tokens <= held.num_covered * self.page_size

    def ask(
        self, ctx: TextContext, num_steps: int = 1, step_tokens: int | None = None
    ) -> AllocationResult:
        """Whether pages for the request's processed and active tokens are there; takes none.

        Groups that drop pages are asked only for those of the coming step.

        Args:
            ctx: a claimed request.
            num_steps: steps to cover, each after the first with one token more.
            step_tokens: most of the active tokens that the coming step computes; None for all.

        Raises:
            UnknownRequestError: if the request is not claimed.
            KVCacheIntegrityError: if the request's processed tokens are not what its pages hold.
        """
        held = self._get(ctx.request_id, "allocate for")
        self._check_processed(ctx, held)
        num_tokens = ctx.tokens.processed_length + ctx.tokens.active_length + num_steps - 1
        needed = 0
        if num_tokens > held.num_covered * self.page_size:
            for index, positions in enumerate(self._new_pages(ctx, held, num_tokens, step_tokens)):
                needed += len(positions) * self.groups[index].tables
        return AllocationResult(
            request_id=ctx.request_id,
            num_tokens=num_tokens,
            pages_held=held.num_pages,
            pages_needed=needed,
            pages_free=self.pool.num_free,
            pages_total=self.pool.total_pages,
        )

    def try_alloc(
        self, ctx: TextContext, num_steps: int = 1, step_tokens: int | None = None
    ) -> AllocationResult:
        """Grows the request's pages as `ask` says, or, when that does not fit, changes nothing."""
        result = self.ask(ctx, num_steps, step_tokens)
        if result.fits:
            held = self._requests[ctx.request_id]
            if result.pages_needed:
                new = self._new_pages(ctx, held, result.num_tokens, step_tokens)
                for index, (group, positions) in enumerate(zip(self.groups, new, strict=True)):
                    tables = range(group.tables)
                    columns = [[self.pool.take() for _ in tables] for _ in positions]
                    held.put(index, positions.start, columns)
                    held.end_at(index, positions.stop)
            self._count_lookup(held)
        return result

    def commit(self, ctx: TextContext) -> None:
        """Registers the pages that a step has filled, then drops those that no step reads again.

        Calling it again is harmless. When another request has registered the same tokens meanwhile,
        its pages are shared instead.
        """
        held = self._get(ctx.request_id, "commit")
        computed = ctx.tokens.computed_length
        full = computed // self.page_size
        for index in self._states if computed else ():
            held.settle(index, (computed - 1) // self.page_size)
        if full > held.num_full and self.enable_prefix_caching and held.registers:
            coming = held.coming_keys
            self._forget_coming(
                [coming.popleft() for _ in range(min(len(coming), full - held.num_full))]
            )
            keys = ctx.page_keys(self.page_size)
            for index in range(len(self.groups)):
                self._register(held, index, keys[:full], computed)
            held.num_full = full
        for index, rule in self._dropping:
            first = rule.first(computed)
            if first > held.begins[index]:
                for pages in held.remove(index, held.begins[index], first):
                    self._drop(pages)
                held.begins[index] = first

    def release(self, request_id: str) -> None:
        """Gives the request's pages back; its last pages will be reused before its first ones.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        held = self._get(request_id, "release")
        del self._requests[request_id]
        self._forget_coming(held.coming_keys)
        for _, _, pages in held.held():
            self._drop(pages)

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

    def page_map(self, most_cells: int) -> PageMap:
        """What all pages hold, for people to look at."""
        return map_pages(self.pool, most_cells)

    def pages_held(self, request_id: str) -> list[int]:
        """The pages that a request holds, of all groups, in token order.

        Raises:
            UnknownRequestError: if the request is not claimed.
        """
        columns = [pages for _, _, pages in self.holding(request_id).held()]
        return [page for pages in reversed(columns) for page in pages]

    def check_integrity(self) -> None:
        """Compares the books with the requests' pages.

        Raises:
            KVCacheIntegrityError: naming every broken equation with both of its sides.
        """
        check_integrity(self.pool, self._requests, self._coming)

    def _longest_hit(self, keys: Sequence[bytes], most: int) -> int:
        """The most leading pages, up to `most`, that all groups can go on after."""
        while True:
            agreed = most
            for index, group in enumerate(self.groups):
                most = group.rule.hit(partial(self._is_known, index, keys), most)
            if most == agreed:
                return most

    def _is_known(self, group: int, keys: Sequence[bytes], position: int) -> bool:
        return self.pool.index.get(group, keys[position]) is not None

    def _new_pages(
        self, ctx: TextContext, held: RequestPages, num_tokens: int, step_tokens: int | None
    ) -> list[range]:
        """The positions that each group gets for tokens up to a number of them."""
        later = max(0, ctx.tokens.active_length - (step_tokens or ctx.tokens.active_length))
        positions = []
        for group, end in zip(self.groups, held.ends, strict=True):
            tokens = num_tokens - later if group.rule.grows_by_step else num_tokens
            positions.append(group.rule.new_pages(end, -(-tokens // self.page_size)))
        return positions

    def _register(
        self, held: RequestPages, group: int, keys: Sequence[bytes], num_tokens: int
    ) -> None:
        """Makes a group's pages findable that are full after so many tokens, or shares those that
        are findable already."""
        columns = held.columns(group, held.num_full, len(keys))
        for position, pages in enumerate(columns, held.num_full):
            if not self.groups[group].rule.is_complete(position, num_tokens):
                continue
            known = self.pool.index.get(group, keys[position])
            if known is None:
                self.pool.index.add(group, keys[position], pages)
            else:
                self._share(known)
                self._drop(pages)
                held.put(group, position, [known])

    def _share(self, pages: Iterable[int]) -> None:
        for page in pages:
            self.pool.share(page)

    def _drop(self, pages: Iterable[int]) -> None:
        for page in pages:
            self.pool.drop(page)

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
        processed = ctx.tokens.processed_length
        low, high = held.num_full * self.page_size, held.num_covered * self.page_size
        if not low <= processed <= high:
            raise KVCacheIntegrityError(
                f"full pages <= processed tokens <= pages of request '{ctx.request_id}': "
                f"{low} <= {processed} <= {high} is false. "
                "Release a request before tokens.rewind(), and allocate before each step."
            )
        for index, rule in self._dropping:
            if held.begins[index] > rule.first(processed):
                raise KVCacheIntegrityError(
                    f"dropped pages <= pages before those that request '{ctx.request_id}' reads "
                    f"after {processed} tokens: {held.begins[index]} <= {rule.first(processed)} is "
                    "false. Release a request before tokens.rewind()."
                )
