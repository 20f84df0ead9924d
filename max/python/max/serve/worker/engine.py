"""The worker's loop: take messages, run a step, send what it brought."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from max.pipelines.context import TextContext, TextGenerationOutput
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling import Batch, Scheduler
from max.serve.context_codec import to_contexts
from max.serve.messages import (
    Admitted,
    Cancel,
    Failed,
    FromWorker,
    Inspect,
    LoadAdapter,
    Refused,
    Report,
    ResetPrefixCache,
    Stop,
    Submit,
    TokenDelta,
    Tokens,
    ToWorker,
    UnloadAdapter,
)
from max.serve.panics import as_error
from max.serve.worker.adapter_loader import AdapterLoader
from max.serve.worker.crash_record import CrashRecord
from max.serve.worker.device_failure import is_device_failure
from max.serve.worker.inspection import inspect
from max.serve.worker.interface import ServablePipeline
from max.serve.worker.step_recorder import StartedStep, StepRecorder

logger = logging.getLogger(__name__)

CHECK_INTERVAL_S = 60.0


def lengths_of(batch: Batch) -> dict[str, int]:
    """How many tokens each request of a batch has."""
    return {str(context.request_id): len(context.tokens) for context in batch.contexts}


class WorkerChannel(Protocol):
    """What the loop needs of a channel; `transport.Channel` in production."""

    def send(self, message: FromWorker) -> None: ...

    def receive(self) -> ToWorker: ...

    def drain(self) -> Iterable[ToWorker]: ...


class Engine:
    """Runs requests until it is told to stop, one step after the other.

    Idle, it sleeps in the channel's `receive`. `OverlappedEngine` runs two steps at once.
    """

    def __init__(
        self,
        pipeline: ServablePipeline,
        scheduler: Scheduler,
        channel: WorkerChannel,
        crash_record: CrashRecord,
        loader: AdapterLoader | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._loader = loader
        self._scheduler = scheduler
        self._channel = channel
        self._crash_record = crash_record
        self._failed_lengths: dict[str, int] = {}
        self._recorder = StepRecorder(scheduler, pipeline.kv_manager)
        self._checked_at = time.monotonic()
        self._stopped = False

    def report_experts(self, counts: Mapping[str, Sequence[int]]) -> None:
        """Tells the tokens of each expert by layer, which grow, along with steps."""
        self._recorder.expert_tokens = counts

    def run(self) -> None:
        """Returns after a `Stop` message.

        Raises:
            KVCacheIntegrityError: The books of the pages are wrong, which only a new worker mends.
        """
        while True:
            self._take_messages()
            if self._stopped:
                self._pipeline.kv_manager.check_integrity()
                if self._loader is not None:
                    self._loader.close()
                return
            self._turn()

    def _turn(self) -> None:
        """Runs a step."""
        self._recorder.start_scheduling()
        batch = self._scheduler.schedule()
        for part in self._parts(batch) if batch is not None else ():
            self._step(part)

    def _take_messages(self) -> None:
        """Takes what is there; waits when there is nothing to run."""
        admitted: list[str] = []
        for message in self._channel.drain():
            self._take(message, admitted)
        if not admitted and not self._stopped and not self._scheduler.has_work:
            if (news := self._recorder.take_news()) is not None:
                self._channel.send(Report(news))
            self._check_pages()
            self._take(self._channel.receive(), admitted)
        if admitted:
            self._channel.send(Admitted(admitted))

    def _check_pages(self) -> None:
        """Now and then, when nobody waits: it takes a microsecond per page."""
        if time.monotonic() - self._checked_at > CHECK_INTERVAL_S:
            self._pipeline.kv_manager.check_integrity()
            self._checked_at = time.monotonic()

    def _take(self, message: ToWorker, admitted: list[str]) -> None:
        match message:
            case Submit():
                request_ids = [message.request_id, *message.siblings]
                with self._crash_record.working_on(dict.fromkeys(request_ids, len(message.tokens))):
                    self._submit(message, request_ids, admitted)
            case Cancel(request_ids=request_ids):
                for request_id in request_ids:
                    self._forget(request_id)
            case ResetPrefixCache():
                self._scheduler.reset_prefix_cache()
            case LoadAdapter(adapter=adapter):
                assert self._loader is not None, "the API process knows that there is none"
                self._loader.load(adapter)
            case UnloadAdapter(digest=digest):
                assert self._loader is not None, "the API process knows that there is none"
                self._loader.unload(digest)
            case Inspect():
                self._channel.send(inspect(self._scheduler, self._pipeline.kv_manager))
            case Stop():
                self._stopped = True

    def _submit(self, message: Submit, request_ids: list[str], admitted: list[str]) -> None:
        try:
            # Siblings are equal to the scheduler: it refuses the first one or none.
            for context in to_contexts(message):
                self._scheduler.add(context)
        except ValueError as refusal:
            for request_id in request_ids:
                self._channel.send(Refused(request_id, str(refusal)))
            return
        admitted += request_ids
        for request_id in request_ids:
            self._recorder.queued(request_id)
            if message.failed_length:
                self._failed_lengths[request_id] = message.failed_length

    def _forget(self, request_id: str) -> None:
        self._scheduler.cancel(RequestID(request_id))
        self._recorder.forget(request_id)
        self._failed_lengths.pop(request_id, None)

    def _parts(self, batch: Batch) -> list[Batch]:
        """The batch as it is run: at once, but for suspects, each of which is run by itself."""
        if not self._failed_lengths:
            return [batch]
        suspects = [context for context in batch.contexts if self._is_suspect(context)]
        others = [context for context in batch.contexts if not self._is_suspect(context)]
        parts = [Batch.of(others, batch.num_preempted)] if others else []
        return parts + [Batch.of([suspect]) for suspect in suspects]

    def _is_suspect(self, context: TextContext) -> bool:
        return len(context.tokens) <= self._failed_lengths.get(context.request_id, 0)

    def _step(self, batch: Batch) -> None:
        """Runs a step to its last message, while no other runs."""
        started = self._recorder.start_executing(batch)
        lengths = lengths_of(batch)
        try:
            # What goes wrong after the model ran is the step's failure too.
            with self._crash_record.working_on(lengths):
                outputs = self._pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
                self._finish(batch, outputs, started)
        except BaseException as error:
            self._fail(lengths, as_error(error))

    def _finish(
        self,
        batch: Batch,
        outputs: Mapping[RequestID, TextGenerationOutput],
        started: StartedStep,
    ) -> None:
        """Takes note of what a step brought, and tells it."""
        self._scheduler.finish_step(batch, outputs)
        self._scheduler.observe(batch, self._recorder.finish(batch, outputs, started))
        deltas = [
            TokenDelta(
                str(context.request_id),
                list(output.tokens),
                output.final_status,
                output.log_probabilities,
                output.prompt_log_probabilities,
                context.cached_tokens or 0,
                b"" if output.embedding is None else output.embedding.tobytes(),
            )
            for context in batch.contexts
            if (output := outputs.get(context.request_id)) is not None
            and (output.tokens or output.is_done or output.prompt_log_probabilities)
        ]
        for delta in deltas:
            if delta.status.is_done:
                self._failed_lengths.pop(delta.request_id, None)
        if deltas:
            self._channel.send(Tokens(deltas, self._recorder.take()))

    def _fail(self, lengths: dict[str, int], error: Exception) -> None:
        """Gives up the step's requests and their pages; the others go on.

        Raises:
            Exception: `error`, when the process can compute no more.
        """
        logger.error("A step with the requests %s failed", ", ".join(lengths), exc_info=error)
        if is_device_failure(error):
            raise error
        for request_id in lengths:
            self._forget(request_id)
        self._channel.send(Failed(lengths, f"{type(error).__name__}: {error}"))
        self._crash_record.clear()
