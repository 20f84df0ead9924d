"""The worker's loop: take messages, run a step, send what it brought."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from max.pipelines.context import TextGenerationOutput
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
from max.serve.worker.arrivals import Arrivals, Trial
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
        self._arrivals = Arrivals()
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
        """Runs a step; what happens during a trial is held to be of who is on trial."""
        trial = self._arrivals.trial
        if trial is None:
            self._run_step()
        else:
            with self._crash_record.working_on(trial.lengths):
                self._run_step()

    def _run_step(self) -> None:
        batch = self._schedule()
        for part in self._parts(batch) if batch is not None else ():
            self._step(part)

    def _schedule(self) -> Batch | None:
        """Chooses the coming step; None also if that fails, see `_fail_all`."""
        try:
            self._recorder.start_scheduling()
            return self._scheduler.schedule()
        except BaseException as error:
            self._fail_all(as_error(error))
        return None

    def _take_messages(self) -> None:
        """Takes what is there; waits when there is nothing to run."""
        for message in self._channel.drain():
            self._take(message)
        self._let_in()
        if not self._stopped and not self._scheduler.has_work:
            self._report_news()
            self._check_pages()
            self._take(self._channel.receive())
            self._let_in()

    def _report_news(self) -> None:
        """Statistics are worth no worker."""
        try:
            if (news := self._recorder.take_news()) is not None:
                self._channel.send(Report(news))
        except BaseException as error:
            logger.error("Statistics cannot be reported", exc_info=as_error(error))

    def _check_pages(self) -> None:
        """Now and then, when nobody waits: it takes a microsecond per page."""
        if time.monotonic() - self._checked_at > CHECK_INTERVAL_S:
            self._pipeline.kv_manager.check_integrity()
            self._checked_at = time.monotonic()

    def _take(self, message: ToWorker) -> None:
        match message:
            case Submit():
                self._arrivals.add(message)
            case Cancel(request_ids=request_ids):
                # Nobody waits for them; but others did nothing, if this fails.
                with self._crash_record.working_on(dict.fromkeys(request_ids, 0)):
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
                self._inspect()
            case Stop():
                self._stopped = True

    def _inspect(self) -> None:
        """Whoever looks is worth no worker: without an answer nothing is seen."""
        try:
            self._channel.send(inspect(self._scheduler, self._pipeline.kv_manager))
        except BaseException as error:
            logger.error("What the engine holds cannot be told", exc_info=as_error(error))

    def _let_in(self) -> None:
        """Hands requests to the scheduler and says so."""
        admitted: dict[str, int] = {}
        for submit in self._arrivals.let_in():
            lengths = dict.fromkeys([submit.request_id, *submit.siblings], len(submit.tokens))
            try:
                with self._crash_record.working_on(lengths):
                    if self._submit(submit):
                        admitted |= lengths
            except BaseException as error:
                self._fail(lengths, as_error(error))
        if admitted:
            with self._crash_record.working_on(admitted):
                self._channel.send(Admitted(list(admitted)))

    def _submit(self, submit: Submit) -> bool:
        """Hands a request and its siblings to the scheduler; whether it takes them."""
        contexts = [c for c in to_contexts(submit) if self._arrivals.is_wanted(c.request_id)]
        try:
            # Siblings are equal to the scheduler: it refuses the first one or none.
            for context in contexts:
                self._scheduler.add(context)
        except ValueError as refusal:
            for context in contexts:
                self._channel.send(Refused(str(context.request_id), str(refusal)))
            return False
        for context in contexts:
            self._recorder.queued(str(context.request_id))
            if submit.failed_length:
                self._arrivals.trial = Trial(context, submit.failed_length)
        return True

    def _forget(self, request_id: str) -> None:
        self._arrivals.forget(request_id)
        self._scheduler.cancel(RequestID(request_id))
        self._recorder.forget(request_id)

    def _parts(self, batch: Batch) -> list[Batch]:
        """The batch as it is run: at once, but for who is on trial, which is run by itself."""
        trial = self._arrivals.trial
        if trial is None:
            return [batch]
        others = [context for context in batch.contexts if context is not trial.context]
        if len(others) in (0, len(batch.contexts)):
            return [batch]
        # The suspect first: if that fails, nobody else has done anything.
        return [Batch.of([trial.context]), Batch.of(others, batch.num_preempted)]

    def _step(self, batch: Batch) -> None:
        """Runs a step to its last message, while no other runs."""
        lengths = lengths_of(batch)
        try:
            # What goes wrong before and after the model runs is the step's failure too.
            with self._crash_record.working_on(lengths):
                started = self._recorder.start_executing(batch)
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
        if deltas:
            self._channel.send(Tokens(deltas, self._recorder.take()))

    def _fail(self, lengths: dict[str, int], error: Exception) -> None:
        """Gives up the requests that were worked on and their pages; the others go on.

        Raises:
            Exception: `error`, when the process can compute no more, or the pages are not free.
        """
        logger.error("Work on the requests %s failed", ", ".join(lengths), exc_info=error)
        if is_device_failure(error):
            raise error
        for request_id in lengths:
            self._forget(request_id)
            if self._pipeline.kv_manager.contains(request_id):
                raise error
        self._tell_failed(Failed(lengths, told(error)))

    def _fail_all(self, error: Exception) -> None:
        """Gives up every request: the choice of a step failed, and may have stopped half-way.

        Raises:
            Exception: `error`, when the process can compute no more, or the pages are not free.
        """
        trial = self._arrivals.trial
        given_up = {str(c.request_id): len(c.tokens) for c in self._scheduler.requests}
        suspects = given_up if trial is None else trial.lengths
        self._crash_record.write(suspects)
        logger.error("Choosing a step failed; suspected: %s", ", ".join(suspects), exc_info=error)
        self._scheduler.give_up_all()
        if is_device_failure(error) or self._pipeline.kv_manager.metrics.num_used_pages:
            raise error
        for request_id in given_up:
            self._forget(request_id)
        self._tell_failed(Failed(suspects, told(error), list(given_up.keys() - suspects.keys())))

    def _tell_failed(self, failed: Failed) -> None:
        self._channel.send(failed)
        self._crash_record.clear()


def told(error: Exception) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {error}"
