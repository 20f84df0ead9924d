"""The API process's view of the worker: submit contexts, take tokens, cancel, outlive its death."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from max.pipelines.context import TextContext
from max.serve.clients import Client
from max.serve.context_codec import from_siblings, joined
from max.serve.engine_watch import EngineWatch
from max.serve.errors import ApiError, invalid_value, model_not_found
from max.serve.generation import Generation
from max.serve.leaving import LeavingBytes
from max.serve.mailbox import Mailbox
from max.serve.messages import (
    AdapterLoaded,
    AdapterRefused,
    Admitted,
    Cancel,
    Failed,
    FromWorker,
    Inspection,
    Refused,
    Report,
    ResetPrefixCache,
    TokenDelta,
    Tokens,
    ToWorker,
)
from max.serve.panics import as_error
from max.serve.request_table import RequestTable
from max.serve.running_request import RunningRequest
from max.serve.telemetry.metrics import Metrics
from max.serve.telemetry.request_record import current_record
from max.serve.telemetry.token_clock import TokenClock
from max.serve.telemetry.worker_stats import EngineLoad, StepStats, WorkerStats
from max.serve.unavailable import engine_failed, request_timed_out
from max.serve.worker_adapters import WorkerAdapters

logger = logging.getLogger(__name__)

# So many take about a millisecond.
_PROMPTS_AT_ONCE = 32


class CommandSender(Protocol):
    """What the client needs to reach the worker; `WorkerHandle` in production."""

    def send(self, message: ToWorker) -> None: ...


class EngineClient:
    """Routes the worker's events to the requests that they belong to.

    It outlives workers: `connect` hands it one that is ready, `disconnect` takes it away. Without
    one, requests wait; those that had begun go on in the next worker from their last token.
    Everything runs on one event loop; `handle` is called for each event.

    Attributes:
        requests: Those that are submitted and not done.
        adapters: Those that the worker has.
        watch: What somebody who looks at the engine sees.

    Args:
        max_queue_size: Requests that are taken beyond those that the worker runs at once.
        request_timeout: Seconds that a request may last, from `submit` to its last token.
        metrics: What counts tokens and steps.
        leaving: What answers take.
    """

    def __init__(
        self,
        max_queue_size: int = 1024,
        request_timeout: float | None = None,
        metrics: Metrics | None = None,
        leaving: LeavingBytes | None = None,
    ) -> None:
        self._leaving = LeavingBytes() if leaving is None else leaving
        self._metrics = Metrics() if metrics is None else metrics
        self._request_timeout = request_timeout
        self._worker: CommandSender | None = None
        self._closed: ApiError | None = None
        self.requests = RequestTable(max_queue_size)
        self.adapters = WorkerAdapters(self._send, self.requests, self._metrics.adapters)
        self.watch = EngineWatch(self._send)

    @property
    def num_running(self) -> int:
        """Requests that are submitted and not done; each choice counts."""
        return len(self.requests)

    def lose_adapters(self, problems: Mapping[str, str]) -> None:
        """A new worker could not load adapters again: their requests end.

        Args:
            problems: Why, by digest.
        """
        for digest, reason in problems.items():
            self.adapters.remove(digest)
            error = engine_failed(f"the LoRA adapter cannot be loaded again: {reason}", "")
            for request in self.requests:
                if request.submit.adapter == digest:
                    self._fail(request.request_id, error)

    def connect(self, worker: CommandSender, max_batch_size: int) -> None:
        """Sends what is waiting to a worker that is ready, and what comes from now on."""
        self._worker = worker
        self.requests.max_batch_size = max_batch_size
        self.watch.take(None)  # Nobody answers what was asked while there was no worker.
        self.adapters.connect()
        for request in self.requests:
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
        self._metrics.steps.observe_load(EngineLoad(0, len(self.requests), 0, 0))
        if not killed:
            self.adapters.suspect(reason)
        if last_requests:
            self._suspect(last_requests, reason, killed=killed)
        elif not killed:
            for request in self.requests:
                request.failed_length = request.length
                if request.faults.add_unexplained():
                    self._give_up(request.request_id, reason)

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
        client = current_record().client
        for context in contexts:
            context.client, context.client_weight = client.name, client.weight
            if context.adapter is not None and not self.adapters.may_have(context.adapter):
                raise model_not_found(context.model_name, [])
        self._check_room(client)
        for context in contexts:
            if context.adapter is not None:
                self._metrics.adapter_requests.labels(context.model_name).inc()
        mailbox = Mailbox(self._leaving)
        prompts = await self._prompts(contexts, mailbox)
        if len(prompts) >= _PROMPTS_AT_ONCE:
            self._check_room(client)  # Others have had their turn.
        requests = [request for siblings in prompts for request in siblings]
        request_ids = [request.request_id for request in requests]
        deadline = None
        if self._request_timeout is not None:
            loop = asyncio.get_running_loop()
            deadline = loop.call_later(self._request_timeout, self._end_overdue, request_ids)
        generation = Generation(self.cancel, mailbox, request_ids, deadline)
        try:
            self.requests.add(client, requests)
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

    async def _prompts(
        self, contexts: Sequence[TextContext], mailbox: Mailbox
    ) -> list[list[RunningRequest]]:
        """The choices of each prompt."""
        record, loop = current_record(), asyncio.get_running_loop()
        prompts: list[list[RunningRequest]] = []
        index = itertools.count()
        for _, choices in itertools.groupby(contexts, key=lambda context: id(context.tokens)):
            prompts.append(
                [
                    RunningRequest(
                        submit,
                        mailbox,
                        next(index),
                        loop.create_future(),
                        TokenClock(record, self._metrics.requests),
                    )
                    for submit in from_siblings(list(choices))
                ]
            )
            if len(prompts) % _PROMPTS_AT_ONCE == 0:
                await asyncio.sleep(0)  # Others get their turn in between.
        return prompts

    async def _send_prompts(self, prompts: Sequence[Sequence[RunningRequest]]) -> None:
        """Hands prompts to the worker, those that are still wanted by then."""
        worker = self._worker
        for number, siblings in enumerate(prompts, 1):
            if wanted := [each.submit for each in siblings if each.request_id in self.requests]:
                self._send(joined(wanted))
            if number % _PROMPTS_AT_ONCE == 0:
                await asyncio.sleep(0)
                if self._worker is not worker:
                    return  # The next one is told of all that runs.

    def cancel(self, request_ids: Iterable[str]) -> None:
        """Ends requests; those that are done are left out."""
        running = [request_id for request_id in request_ids if self.requests.remove(request_id)]
        if running:
            self._send(Cancel(running))
            self.adapters.drop_unneeded()

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
                    if request := self.requests.get(delta.request_id):
                        try:
                            self._deliver(request, delta, now)
                        except BaseException as raised:
                            self._lose(request, as_error(raised))
                # After the answers that wait for these tokens.
                asyncio.get_running_loop().call_soon(self._observe, stats)
            case Report(stats=stats):
                self._observe(stats)
            case Inspection():
                self.watch.take(event)
            case Admitted(request_ids=request_ids):
                for request_id in request_ids:
                    request = self.requests.get(request_id)
                    if request is not None and not request.admitted.done():
                        request.admitted.set_result(None)
            case Refused(request_id=request_id, reason=reason):
                self._fail(request_id, invalid_value(reason, code="request_refused"))
            case AdapterLoaded() | AdapterRefused():
                self.adapters.take(event)
            case Failed(lengths=lengths, reason=reason, others=others):
                again = self._suspect(lengths, reason, killed=False)
                again += filter(None, map(self.requests.get, others))
                for request in again:
                    self._send(request.message())

    def close(self, error: ApiError) -> None:
        """Ends every request with `error`, and those that are still to come.

        For when there will be no worker any more, or the server stops.
        """
        self._closed = error
        for request in self.requests:
            self._fail(request.request_id, error)
        self.adapters.close(error)

    def _check_room(self, client: Client) -> None:
        if self._closed is not None:
            raise self._closed
        self.requests.check_room(client)

    def _observe(self, stats: WorkerStats) -> None:
        """Statistics are worth no worker."""
        try:
            self._metrics.steps.observe(stats)
            self.watch.observe(stats)
        except BaseException as raised:
            logger.error("Statistics of the worker are lost", exc_info=as_error(raised))

    def _send(self, message: ToWorker) -> None:
        """Without a worker there is nothing to say: the next one is told how things stand then."""
        if self._worker is not None:
            self._worker.send(message)

    def _suspect(
        self, lengths: Mapping[str, int], reason: str, *, killed: bool
    ) -> list[RunningRequest]:
        """Fails the request that brought a step down twice; gives the others, to be run again."""
        innocent = []
        for request_id, length in lengths.items():
            request = self.requests.get(request_id)
            if request is None:
                continue
            if request.faults.add(alone=len(lengths) == 1, killed=killed):
                self._give_up(request_id, reason)
            else:
                request.failed_length = length
                innocent.append(request)
        return innocent

    def _give_up(self, request_id: str, reason: str) -> None:
        logger.error("Request %s is given up: with it, %s", request_id, reason)
        self._fail(request_id, engine_failed(reason, request_id))

    def _note_begun(self, steps: Iterable[StepStats]) -> None:
        for step in steps:
            for begun in step.begun:
                if request := self.requests.get(begun.request_id):
                    try:
                        request.clock.began(begun.at)
                    except BaseException as raised:
                        self._lose(request, as_error(raised))

    def _deliver(self, request: RunningRequest, delta: TokenDelta, now: float) -> None:
        if delta.tokens and request.submit.adapter is not None:
            counter = self._metrics.adapter_tokens.labels(request.submit.model_name)
            counter.inc(len(delta.tokens))
        if delta.status.is_done:
            if not request.admitted.done():
                request.admitted.set_result(None)  # Nobody would say so any more.
            self.requests.note_completed(now)
            self.requests.remove(delta.request_id)
            self.adapters.drop_unneeded()
        request.take(delta, now)

    def _lose(self, request: RunningRequest, error: Exception) -> None:
        """Tokens that cannot be handed over end their request: it would wait for them for ever."""
        request_id = request.request_id
        logger.error("Tokens of the request %s are lost", request_id, exc_info=error)
        problem = engine_failed(f"{type(error).__name__}: {error}", request_id)
        self._fail(request_id, problem)
        request.mailbox.fail(problem)  # Also if these were its last ones.
        self._send(Cancel([request_id]))

    def _end_overdue(self, request_ids: Sequence[str]) -> None:
        assert self._request_timeout is not None, "it set the timer"
        overdue = [request_id for request_id in request_ids if request_id in self.requests]
        for request_id in overdue:
            self._fail(request_id, request_timed_out(self._request_timeout))
        if overdue:
            self._send(Cancel(overdue))

    def _fail(self, request_id: str, error: ApiError) -> None:
        request = self.requests.remove(request_id)
        if request is None:
            return
        self.adapters.drop_unneeded()
        if request.admitted.done():
            request.mailbox.fail(error)
        else:
            request.admitted.set_exception(error)
