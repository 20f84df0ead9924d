"""The API process's view of the worker: submit contexts, take tokens, cancel, outlive its death."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from max.pipelines.context import TextContext
from max.pipelines.lora.errors import AdapterError
from max.serve.clients import Client
from max.serve.context_codec import from_siblings, joined
from max.serve.engine_watch import EngineWatch
from max.serve.errors import ApiError, invalid_value, model_not_found
from max.serve.mailbox import ChoiceDelta, Mailbox
from max.serve.messages import (
    Adapter,
    AdapterLoaded,
    AdapterRefused,
    Admitted,
    Cancel,
    Failed,
    FromWorker,
    Inspection,
    LoadAdapter,
    Refused,
    Report,
    ResetPrefixCache,
    Submit,
    TokenDelta,
    Tokens,
    ToWorker,
    UnloadAdapter,
)
from max.serve.queue_shares import QueueShares
from max.serve.running_request import RunningRequest
from max.serve.telemetry.metrics import Metrics
from max.serve.telemetry.request_record import current_record
from max.serve.telemetry.token_clock import TokenClock
from max.serve.telemetry.worker_stats import EngineLoad, StepStats, WorkerStats
from max.serve.throughput import CompletionRate
from max.serve.unavailable import engine_failed, queue_full, request_timed_out

logger = logging.getLogger(__name__)

# Workers that may die while they have an adapter to load.
_MOST_LOAD_DEATHS = 2
# So many take about a millisecond.
_PROMPTS_AT_ONCE = 32


class CommandSender(Protocol):
    """What the client needs to reach the worker; `WorkerHandle` in production."""

    def send(self, message: ToWorker) -> None: ...


class Generation:
    """The choices of one HTTP request while they run. Whoever holds it calls `close`."""

    def __init__(
        self,
        client: EngineClient,
        mailbox: Mailbox,
        request_ids: list[str],
        deadline: asyncio.TimerHandle | None = None,
    ) -> None:
        self._client = client
        self._mailbox = mailbox
        self._request_ids = request_ids
        self._deadline = deadline

    async def take(self) -> list[ChoiceDelta]:
        """Waits for tokens; see `Mailbox.take`."""
        return await self._mailbox.take()

    def cancel(self, index: int) -> None:
        """Ends one choice; nothing happens when it is done already."""
        self._client.cancel([self._request_ids[index]])

    def close(self) -> None:
        """Ends the choices that are not done."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._client.cancel(self._request_ids)


@dataclass
class _AdapterLoad:
    """An adapter that a worker is to load.

    Attributes:
        adapter: Which.
        done: When it is.
        deaths: Of workers that were to.
    """

    adapter: Adapter
    done: asyncio.Future[None]
    deaths: int = 0


class EngineClient:
    """Routes the worker's events to the requests that they belong to.

    It outlives workers: `connect` hands it one that is ready, `disconnect` takes it away. Without
    one, requests wait; those that had begun go on in the next worker from their last token.
    Everything runs on one event loop; `handle` is called for each event.

    Attributes:
        times_idle: How often the last request was done.
        watch: What somebody who looks at the engine sees.

    Args:
        max_queue_size: Requests that are taken beyond those that the worker runs at once.
        request_timeout: Seconds that a request may last, from `submit` to its last token.
        metrics: What counts tokens and steps.
    """

    def __init__(
        self,
        max_queue_size: int = 1024,
        request_timeout: float | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = Metrics() if metrics is None else metrics
        self._max_queue_size = max_queue_size
        self._shares = QueueShares(max_queue_size)
        self._request_timeout = request_timeout
        self._max_batch_size = 1
        self._worker: CommandSender | None = None
        self._running: dict[str, RunningRequest] = {}
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self._busy: asyncio.Event = asyncio.Event()
        self.times_idle = 0
        self.watch = EngineWatch(self._send)
        self._completions = CompletionRate()
        self._closed: ApiError | None = None
        self._adapters: dict[str, Adapter] = {}  # that the worker has, by digest
        self._leaving: set[str] = set()  # of these, those that only running requests need
        self._adapter_loads: dict[str, _AdapterLoad] = {}

    @property
    def num_running(self) -> int:
        """Requests that are submitted and not done; each choice counts."""
        return len(self._running)

    async def until_busy(self) -> None:
        """Waits until there is a request."""
        await self._busy.wait()

    @property
    def adapters(self) -> list[Adapter]:
        """The adapters that the worker has, or the next one is to have."""
        return list(self._adapters.values())

    def has_adapter(self, adapter: Adapter) -> None:
        """The worker has loaded an adapter."""
        self._adapters[adapter.digest] = adapter
        self._leaving.discard(adapter.digest)
        self._metrics.adapters.set(len(self._adapters))

    async def load_adapter(self, adapter: Adapter) -> None:
        """Lets the worker load an adapter, now or when there is one, and waits for it.

        Raises:
            AdapterError: The worker cannot use it.
            ApiError: This client is closed.
        """
        if self._closed is not None:
            raise self._closed
        digest = adapter.digest
        if digest in self._adapters:
            self._leaving.discard(digest)
            return
        load = self._adapter_loads.get(digest)
        if load is None:
            done = asyncio.get_running_loop().create_future()
            load = self._adapter_loads[digest] = _AdapterLoad(adapter, done)
            self._send(LoadAdapter(adapter))
        await asyncio.shield(load.done)

    def unload_adapter(self, digest: str) -> None:
        """Lets no further request have an adapter; the worker forgets it when none has it."""
        self._leaving.add(digest)
        self._drop_unneeded()

    def lose_adapters(self, problems: Mapping[str, str]) -> None:
        """A new worker could not load adapters again: their requests end.

        Args:
            problems: Why, by digest.
        """
        for digest, reason in problems.items():
            self._adapters.pop(digest, None)
            error = engine_failed(f"the LoRA adapter cannot be loaded again: {reason}", "")
            for request_id, request in list(self._running.items()):
                if request.submit.adapter == digest:
                    self._fail(request_id, error)

    async def until_idle(self) -> None:
        """Waits until every request is done."""
        await self._idle.wait()

    def connect(self, worker: CommandSender, max_batch_size: int) -> None:
        """Sends what is waiting to a worker that is ready, and what comes from now on."""
        self._worker = worker
        self._max_batch_size = max_batch_size
        self.watch.take(None)  # Nobody answers what was asked while there was no worker.
        for load in self._adapter_loads.values():
            worker.send(LoadAdapter(load.adapter))
        for request in self._running.values():
            worker.send(request.message())

    def disconnect(self, last_requests: Mapping[str, int], reason: str, *, killed: bool) -> None:
        """The worker is gone; its requests wait for the next one.

        Args:
            last_requests: What the worker was working on, see `crash_record`.
            reason: Why it is gone.
            killed: It was ended by SIGKILL.
        """
        self._worker = None
        self.watch.take(None)
        self._metrics.steps.observe_load(EngineLoad(0, len(self._running), 0, 0))
        if not killed:
            self._suspect_loads(reason)
        if last_requests:
            self._suspect(last_requests, reason, killed=killed)
        elif not killed:
            for request_id, request in list(self._running.items()):
                request.failed_length = request.length
                if request.faults.add_unexplained():
                    self._give_up(request_id, reason)

    async def submit(self, contexts: Sequence[TextContext]) -> Generation:
        """Hands requests to the worker and waits until its scheduler took them.

        Args:
            contexts: The choices of one HTTP request; deltas name them by position. Those that
                stand in a row and share their `tokens` differ in their ids and seeds only, and are
                sent as one.

        Raises:
            ApiError: The queue is full, the worker refused one of them (then none runs), the
                request's time is over, or this client is closed.
        """
        if self._closed is not None:
            raise self._closed
        record = current_record()
        for context in contexts:
            context.client, context.client_weight = record.client.name, record.client.weight
            if context.adapter is not None and not self._may_have(context.adapter):
                raise model_not_found(context.model_name, [])
        self._check_queue(record.client)
        for context in contexts:
            if context.adapter is not None:
                self._metrics.adapter_requests.labels(context.model_name).inc()
        mailbox = Mailbox()
        loop = asyncio.get_running_loop()
        requests: list[RunningRequest] = []
        prompts = []
        for _, choices in groupby(contexts, key=lambda context: id(context.tokens)):
            siblings = from_siblings(list(choices))
            prompts.append(siblings)
            requests += [
                RunningRequest(
                    submit,
                    mailbox,
                    index,
                    loop.create_future(),
                    TokenClock(record, self._metrics.requests),
                )
                for index, submit in enumerate(siblings, len(requests))
            ]
            if len(prompts) % _PROMPTS_AT_ONCE == 0:
                await asyncio.sleep(0)  # Others get their turn in between.
        if len(prompts) >= _PROMPTS_AT_ONCE:
            if self._closed is not None:
                raise self._closed
            self._check_queue(record.client)
        request_ids = [request.submit.request_id for request in requests]
        deadline = None
        if self._request_timeout is not None:
            deadline = loop.call_later(self._request_timeout, self._end_overdue, request_ids)
        generation = Generation(self, mailbox, request_ids, deadline)
        try:
            self._running |= zip(request_ids, requests, strict=True)
            self._shares.add(record.client, id(mailbox), len(requests))
            self._idle.clear()
            self._busy.set()
            await self._send_prompts(prompts)
            outcomes = await asyncio.gather(
                *(request.admitted for request in requests), return_exceptions=True
            )
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome
        except BaseException:
            generation.close()
            raise
        return generation

    async def _send_prompts(self, prompts: Sequence[Sequence[Submit]]) -> None:
        """Hands prompts to the worker, those that are still wanted by then."""
        worker = self._worker
        for number, siblings in enumerate(prompts, 1):
            if wanted := [each for each in siblings if each.request_id in self._running]:
                self._send(joined(wanted))
            if number % _PROMPTS_AT_ONCE == 0:
                await asyncio.sleep(0)
                if self._worker is not worker:
                    return  # The next one is told of all that runs.

    def cancel(self, request_ids: Iterable[str]) -> None:
        """Ends requests; those that are done are left out."""
        running = [request_id for request_id in request_ids if self._forget(request_id)]
        if running:
            self._send(Cancel(running))
            self._drop_unneeded()

    def reset_prefix_cache(self) -> None:
        """Lets no request that is submitted from now on find what was computed before.

        A worker that is yet to come has an empty cache anyway.
        """
        self._send(ResetPrefixCache())

    def handle(self, event: FromWorker) -> None:
        """Takes one event of a running worker; events of forgotten requests are dropped."""
        match event:
            case Tokens(deltas=deltas, stats=stats):
                now = time.monotonic()
                self._note_begun(stats.steps)
                for delta in deltas:
                    try:
                        self._deliver(delta, now)
                    except Exception as error:
                        self._lose(delta.request_id, error)
                # After the answers that wait for these tokens.
                asyncio.get_running_loop().call_soon(self._observe, stats)
            case Report(stats=stats):
                self._observe(stats)
            case Inspection():
                self.watch.take(event)
            case Admitted(request_ids=request_ids):
                for request_id in request_ids:
                    request = self._running.get(request_id)
                    if request is not None and not request.admitted.done():
                        request.admitted.set_result(None)
            case Refused(request_id=request_id, reason=reason):
                self._fail(request_id, invalid_value(reason, code="request_refused"))
            case AdapterLoaded(digest=digest):
                load = self._adapter_loads.pop(digest)
                self.has_adapter(load.adapter)
                load.done.set_result(None)
            case AdapterRefused(digest=digest, reason=reason):
                refused = self._adapter_loads.pop(digest).done
                refused.set_exception(AdapterError(reason))
                refused.exception()  # Seen, also where nobody waits any more.
            case Failed(lengths=lengths, reason=reason, others=others):
                again = self._suspect(lengths, reason, killed=False)
                again += [self._running[name] for name in others if name in self._running]
                for request in again:
                    self._send(request.message())

    def close(self, error: ApiError) -> None:
        """Ends every request with `error`, and those that are still to come.

        For when there will be no worker any more, or the server stops.
        """
        self._closed = error
        for request_id in list(self._running):
            self._fail(request_id, error)
        for load in self._adapter_loads.values():
            load.done.set_exception(error)
            load.done.exception()
        self._adapter_loads.clear()

    def _observe(self, stats: WorkerStats) -> None:
        self._metrics.steps.observe(stats)
        self.watch.observe(stats)

    def _may_have(self, digest: str) -> bool:
        return digest in self._adapters and digest not in self._leaving

    def _drop_unneeded(self) -> None:
        """Adapters that were unloaded go with their last request."""
        if self._leaving:
            needed = {request.submit.adapter for request in self._running.values()}
            for digest in self._leaving - needed:
                self._leaving.discard(digest)
                self._adapters.pop(digest, None)
                self._metrics.adapters.set(len(self._adapters))
                self._send(UnloadAdapter(digest))

    def _send(self, message: ToWorker) -> None:
        """Without a worker there is nothing to say: the next one is told how things stand then."""
        if self._worker is not None:
            self._worker.send(message)

    def _check_queue(self, client: Client) -> None:
        """A request of many choices may overfill the queue: else some would never be taken."""
        if self._shares.is_full_for(client, self._max_batch_size):
            waiting = max(0, len(self._running) - self._max_batch_size)
            seconds = self._completions.seconds_for(waiting + 1, time.monotonic())
            raise queue_full(len(self._running), self._max_queue_size, seconds)

    def _suspect(
        self, lengths: Mapping[str, int], reason: str, *, killed: bool
    ) -> list[RunningRequest]:
        """Fails the request that brought a step down twice; gives the others, to be run again."""
        innocent = []
        for request_id, length in lengths.items():
            request = self._running.get(request_id)
            if request is None:
                continue
            if request.faults.add(alone=len(lengths) == 1, killed=killed):
                self._give_up(request_id, reason)
            else:
                request.failed_length = length
                innocent.append(request)
        return innocent

    def _suspect_loads(self, reason: str) -> None:
        """Refuses the adapters with which workers died: the next one would, too, and for ever."""
        for digest, load in list(self._adapter_loads.items()):
            load.deaths += 1
            if load.deaths >= _MOST_LOAD_DEATHS:
                error = AdapterError(f"{reason}, {load.deaths} times while it was to be loaded")
                del self._adapter_loads[digest]
                load.done.set_exception(error)
                load.done.exception()  # Seen, also where nobody waits any more.

    def _give_up(self, request_id: str, reason: str) -> None:
        logger.error("Request %s is given up: with it, %s", request_id, reason)
        self._fail(request_id, engine_failed(reason, request_id))

    def _note_begun(self, steps: Iterable[StepStats]) -> None:
        for step in steps:
            for begun in step.begun:
                if request := self._running.get(begun.request_id):
                    try:
                        request.clock.began(begun.at)
                    except Exception as error:
                        self._lose(begun.request_id, error)

    def _deliver(self, delta: TokenDelta, now: float) -> None:
        request = self._running.get(delta.request_id)
        if request is None:
            return
        request.emitted += delta.tokens
        prompt_scores = delta.prompt_log_probabilities
        request.prompt_tokens_scored += len(prompt_scores or ())
        if delta.tokens:
            request.clock.tick(len(delta.tokens), now)
            if request.submit.adapter is not None:
                counter = self._metrics.adapter_tokens.labels(request.submit.model_name)
                counter.inc(len(delta.tokens))
            request.faults.unexplained = 0
        if request.failed_length and request.length > request.failed_length:
            request.failed_length = 0
            request.faults.clear()
        if delta.status.is_done:
            self._completions.add(now)
            self._forget(delta.request_id)
            self._drop_unneeded()
        request.mailbox.put(
            ChoiceDelta(
                request.index,
                delta.tokens,
                delta.status,
                delta.cached_tokens,
                log_probabilities=delta.log_probabilities or [],
                prompt_log_probabilities=[prompt_scores] if prompt_scores else [],
                embedding=delta.embedding,
            )
        )

    def _lose(self, request_id: str, error: Exception) -> None:
        """Tokens that cannot be handed over end their request: it would wait for them for ever."""
        logger.error("Tokens of the request %s are lost", request_id, exc_info=error)
        self._fail(request_id, engine_failed(f"{type(error).__name__}: {error}", request_id))
        self._send(Cancel([request_id]))

    def _end_overdue(self, request_ids: Sequence[str]) -> None:
        assert self._request_timeout is not None, "it set the timer"
        overdue = [request_id for request_id in request_ids if request_id in self._running]
        for request_id in overdue:
            self._fail(request_id, request_timed_out(self._request_timeout))
        if overdue:
            self._send(Cancel(overdue))

    def _fail(self, request_id: str, error: ApiError) -> None:
        request = self._forget(request_id)
        if request is None:
            return
        self._drop_unneeded()
        if request.admitted.done():
            request.mailbox.fail(error)
        else:
            request.admitted.set_exception(error)

    def _forget(self, request_id: str) -> RunningRequest | None:
        request = self._running.pop(request_id, None)
        if request is not None:
            self._shares.remove(request.submit.client, id(request.mailbox))
        if not self._running:
            self._idle.set()
            self._busy.clear()
            self.times_idle += 1
        return request
