"""Continuous batching by one rule.

Every request has `len(tokens)` tokens, of which `processed_length` are in the KV cache. A step lets
the second number catch up with the first, within a token budget. A new prompt, the rest of a long
one, a decoding request (which lacks one token), one that hit a cached prefix and one that was
preempted are all just requests that lack some tokens.

    waiting    no pages; who had the fewest tokens for its weight is next, of each the oldest first
       |       begins in turn, once all its present tokens have pages
    running    lacks one token: gets it in every step
               lacks more (a "prompt"): gets a share of what is left of the step's tokens,
                                        which are fewer where others would wait too long
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from max.pipelines.context import GenerationStatus
from max.pipelines.kv_cache.errors import InsufficientBlocksError
from max.pipelines.scheduling.batch import Batch
from max.pipelines.scheduling.budget import split, split_whole
from max.pipelines.scheduling.config import SchedulerConfig
from max.pipelines.scheduling.errors import RequestTooLargeError
from max.pipelines.scheduling.interface import AdapterSlots, PageSource
from max.pipelines.scheduling.pace import Pace, SizedStep
from max.pipelines.scheduling.shares import Shares
from max.pipelines.scheduling.waiting import WaitingRequests

if TYPE_CHECKING:
    from max.pipelines.context import TextContext, TextGenerationOutput
    from max.pipelines.modeling.types import RequestID


class Scheduler:
    """Decides what each step computes. One thread calls it, between steps.

    A worker's loop::

        scheduler.add(ctx)                 # as requests arrive
        scheduler.cancel(request_id)       # as clients go away
        batch = scheduler.schedule()
        outputs = pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
        scheduler.finish_step(batch, outputs)

    Args:
        config: limits of a step.
        kv_manager: where the pages come from.
        adapters: where the slots of adapters come from; None for a model that takes none.
    """

    def __init__(
        self,
        config: SchedulerConfig,
        kv_manager: PageSource,
        adapters: AdapterSlots | None = None,
    ) -> None:
        self.config = config
        self.num_preemptions = 0
        self._kv = kv_manager
        self._adapters = adapters
        # Oldest first: the order of the dictionary is the order of priority.
        self._running: dict[RequestID, TextContext] = {}
        self._waiting = WaitingRequests()
        # Known while the same requests wait.
        self._nobody_yields = False
        target = config.target_step_ms
        self._pace = None if target is None else Pace(target / 1000)

    @property
    def num_running(self) -> int:
        """Requests that hold a place in the KV cache."""
        return len(self._running)

    @property
    def num_waiting(self) -> int:
        """Requests that are yet to begin, or to begin again after preemption."""
        return len(self._waiting)

    @property
    def running(self) -> Collection[TextContext]:
        """The requests that hold a place, oldest first."""
        return self._running.values()

    @property
    def requests(self) -> Collection[TextContext]:
        """All that are queued or running."""
        return {**self._running, **self._waiting.all}.values()

    @property
    def has_work(self) -> bool:
        """Whether `schedule` would give a batch."""
        return bool(self._running or len(self._waiting))

    def add(self, ctx: TextContext) -> None:
        """Queues a request.

        Raises:
            RequestTooLargeError: if it could not run to its end even alone.
            ValueError: if a request of this id is queued or running.
        """
        if ctx.request_id in self._running or ctx.request_id in self._waiting:
            raise ValueError(f"request '{ctx.request_id}' is queued or running already")
        self._check_size(ctx)
        if self._adapters is not None:
            self._adapters.check(ctx)
        self._waiting.add(ctx)
        self._nobody_yields = False

    def cancel(self, request_id: RequestID) -> bool:
        """Ends a request now; its pages are free when this returns.

        Returns:
            Whether the request was there: False if it is done already.
        """
        ctx = self._unqueue(request_id)
        if ctx is None:
            ctx = self._running.get(request_id)
            if ctx is None:
                return False
            self._end(ctx)
        ctx.status = GenerationStatus.CANCELLED
        return True

    def give_up_all(self) -> None:
        """Ends every request, also when `schedule` was left half-way by an error."""
        for ctx in self.requests:
            if self._kv.contains(ctx.request_id):
                self._kv.release(ctx.request_id)
            if self._adapters is not None:
                self._adapters.release(ctx)
            ctx.status = GenerationStatus.CANCELLED
        self._running.clear()
        self._waiting = WaitingRequests()
        self._nobody_yields = False

    def schedule(self) -> Batch | None:
        """Chooses the coming step: running requests, oldest first, then waiting ones in order.

        Returns:
            A batch with at least one token to compute, or None when there is no work, or none
            before the steps that run are finished.
        """
        preempted = self.num_preemptions
        self._grow_running()
        if self.num_preemptions == preempted:
            self._begin_waiting()
        contexts, predicted_s = self._share_tokens()
        if not contexts:
            return None
        return Batch.of(contexts, self.num_preemptions - preempted, predicted_s)

    def finish_step(self, batch: Batch, outputs: Mapping[RequestID, TextGenerationOutput]) -> None:
        """Takes note of a step's results: requests that are done give their pages back.

        A request that has gone since `schedule` is passed over; one that was preempted since, for
        another step, may have ended all the same.

        Raises:
            KeyError: if the pipeline gave no output for a request of the batch.
        """
        for ctx in batch.contexts:
            if ctx.request_id in self._running:
                if outputs[ctx.request_id].is_done:
                    self._end(ctx)
            elif ctx.request_id in self._waiting and outputs[ctx.request_id].is_done:
                self._unqueue(ctx.request_id)

    def observe(self, batch: Batch, seconds: float) -> None:
        """Takes note of how long a step took, which sizes later ones; see `target_step_ms`."""
        if self._pace is not None:
            self._pace.observe(batch.shape, seconds, batch.predicted_s)

    def reset_prefix_cache(self) -> None:
        """Forgets all cached prefixes; running requests go on."""
        self._kv.reset_prefix_cache()

    def _grow_running(self) -> None:
        """Gets pages for the tokens that running requests have gained, oldest first."""
        for ctx in list(self._running.values()):
            if ctx.request_id in self._running:  # It may have been preempted for an older one.
                ctx.tokens.chunk(ctx.tokens.remaining_length)
                if not self._kv.covers(ctx):
                    self._take_pages(ctx)

    def _take_pages(self, ctx: TextContext) -> None:
        """Gets pages for a running request, preempting the youngest, at last itself, for them."""
        while not self._kv.try_alloc(ctx).fits:
            youngest = next(reversed(self._running.values()))
            self._preempt(youngest)
            if youngest is ctx:
                return

    def _preempt(self, ctx: TextContext) -> None:
        """Puts a running request back to the head of the queue, to be computed again later."""
        self._release(ctx)
        ctx.tokens.rewind()
        self._waiting.add_first(ctx)
        del self._running[ctx.request_id]
        self.num_preemptions += 1

    def _begin_waiting(self) -> None:
        """Lets waiting requests begin, in turn, until one of them finds no room.

        Those whose first pages a running request is computing are passed over: soon they can share
        them. So are those whose adapter finds no slot. Else nobody begins before an older one of
        the same group, so nobody waits for ever.
        """
        room = self.config.max_batch_size - len(self._running)
        if not len(self._waiting) or (room <= 0 and self._nobody_yields):
            return
        shares = self._shares()
        passed_over: set[RequestID] = set()
        candidates = self._in_turn(shares, passed_over)
        if self._adapters is not None:
            candidates = self._adapters.beginnable(candidates)
        for ctx in islice(candidates, max(1, room)):
            if not self._has_place(ctx, shares):
                break
            self._kv.claim(ctx.request_id)
            found = self._kv.reuse_prefix(ctx)
            ctx.tokens.chunk(ctx.tokens.remaining_length)
            is_coming = self._kv.is_prefix_coming(ctx)
            if not is_coming and self._has_room(ctx):
                self._begin(ctx, found)
                shares.add(ctx)
                continue
            self._kv.release(ctx.request_id)
            ctx.tokens.rewind()
            if not is_coming and not self._takes_place(ctx, shares):
                break
            if not is_coming:
                passed_over.discard(ctx.request_id)

    def _has_place(self, ctx: TextContext, shares: Shares) -> bool:
        """Whether there is a place in the batch, if need be one that somebody else yields."""
        if len(self._running) < self.config.max_batch_size:
            return True
        return self._takes_place(ctx, shares)

    def _takes_place(self, ctx: TextContext, shares: Shares) -> bool:
        """Preempts the youngest of who has more than a fair share, if there is one."""
        youngest = shares.who_yields_to(ctx)
        self._nobody_yields = youngest is None
        if youngest is None or not shares.is_owed_the_place(ctx, youngest):
            return False
        shares.remove(youngest)
        self._preempt(youngest)
        return True

    def _begin(self, ctx: TextContext, found: int) -> None:
        """Makes a waiting request that has its pages a running one."""
        self._kv.announce_prefix(ctx)
        if self._adapters is not None:
            self._adapters.take(ctx)
        if ctx.cached_tokens is None:
            ctx.cached_tokens = min(found, ctx.tokens.prompt_length)
        self._running[ctx.request_id] = ctx
        self._unqueue(ctx.request_id)

    def _unqueue(self, request_id: RequestID) -> TextContext | None:
        """Takes a request out of the queue; another one is next. None if it is not there."""
        self._nobody_yields = False
        return self._waiting.pop(request_id)

    def _in_turn(self, shares: Shares, passed_over: set[RequestID]) -> Iterator[TextContext]:
        """The waiting requests as their turn comes, each once unless it is taken off the set."""
        while (ctx := self._waiting.next_in_turn(shares, passed_over)) is not None:
            passed_over.add(ctx.request_id)
            yield ctx

    def _shares(self) -> Shares:
        return Shares(self._waiting.served, self._running.values())

    def _end(self, ctx: TextContext) -> None:
        """Takes a running request out for good, and counts what was computed for its client."""
        if len(self._waiting):
            running = {other.client: other.client_weight for other in self._running.values()}
            computed = ctx.tokens.processed_length - (ctx.cached_tokens or 0)
            weights = self._waiting.weights | running
            self._waiting.served.add(ctx.client, max(0, computed), weights)
        del self._running[ctx.request_id]
        self._release(ctx)

    def _release(self, ctx: TextContext) -> None:
        """Gives back what a running request holds."""
        self._kv.release(ctx.request_id)
        if self._adapters is not None:
            self._adapters.release(ctx)

    def _has_room(self, ctx: TextContext) -> bool:
        """Gets pages for all tokens of a waiting request: once begun it does not stop half-way."""
        contexts = [*self._running.values(), ctx]
        if len(self._within_total(contexts)) < len(contexts) or self._above_watermark(ctx):
            return False
        return self._begins_with_pages(ctx)

    def _above_watermark(self, ctx: TextContext) -> bool:
        used = self._kv.get_pct_used_blocks_after_allocation(ctx)
        return bool(self._running) and used > self.config.kvcache_ce_watermark

    def _begins_with_pages(self, ctx: TextContext) -> bool:
        result = self._kv.try_alloc(ctx)
        if not result.fits and not self._running:
            # `add` let it in, so alone it fits: somebody else holds pages, maybe for ever.
            self._kv.release(ctx.request_id)
            ctx.tokens.rewind()
            raise InsufficientBlocksError(result)
        return result.fits

    def _share_tokens(self) -> tuple[list[TextContext], float | None]:
        """Sets the running requests' active tokens; gives those that have some, and their time."""
        going_on = [ctx for ctx in self._running.values() if not ctx.awaits_last_token]
        contexts = self._within_total(going_on)
        lacking = [ctx.tokens.remaining_length for ctx in contexts]
        if sum(lacking) == len(lacking):  # No prompt, as in most steps: all go on.
            return contexts, None
        step = self._split(contexts, lacking, self.config.max_batch_input_tokens)
        granted = [(ctx, share) for ctx, share in zip(contexts, step.shares, strict=True) if share]
        for ctx, share in granted:
            ctx.tokens.chunk(share)
        return [ctx for ctx, _ in granted], step.predicted_s

    def _split(self, contexts: list[TextContext], lacking: list[int], tokens: int) -> SizedStep:
        if not self.config.enable_chunked_prefill:
            return SizedStep(split_whole(lacking, tokens))
        used = self._used_by_clients(contexts, lacking)
        if self._pace is None:
            return SizedStep(split(lacking, tokens, used))
        return self._pace.split(contexts, lacking, tokens, used)

    def _used_by_clients(
        self, contexts: Sequence[TextContext], lacking: Sequence[int]
    ) -> Sequence[float]:
        """What each request's client has used; nothing unless prompts of several ones compete."""
        prompts = zip(contexts, lacking, strict=True)
        if len({ctx.client for ctx, wanted in prompts if wanted > 1}) < 2:
            return ()
        shares = self._shares()
        return [shares.used(ctx.client) for ctx in contexts]

    def _within_total(self, contexts: Collection[TextContext]) -> list[TextContext]:
        """The oldest of them whose tokens are together within `max_batch_total_tokens`."""
        limit = self.config.max_batch_total_tokens
        if limit is None:
            return list(contexts)
        page_size = self._kv.page_size
        pages = accumulate(-(-len(ctx.tokens) // page_size) for ctx in contexts)
        most = -(-limit // page_size)
        return [ctx for ctx, total in zip(contexts, pages, strict=True) if total <= most]

    def _check_size(self, ctx: TextContext) -> None:
        limit = self.config.max_seq_len
        if limit is not None and ctx.max_length > limit:
            raise RequestTooLargeError(
                ctx.request_id, ctx.max_length, limit, f"--max-length is {limit}"
            )
        pages, total = self._kv.pages_for(ctx.max_length), self._kv.total_num_pages
        if pages > total:
            fitting = bisect_right(range(ctx.max_length), total, key=self._kv.pages_for) - 1
            raise RequestTooLargeError(
                ctx.request_id,
                ctx.max_length,
                fitting,
                f"it would need {pages} KV pages of {self._kv.page_size} tokens; there are {total}",
            )
