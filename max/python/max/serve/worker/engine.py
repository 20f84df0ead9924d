"""The worker's loop: take messages, run a step, send what it brought."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.serve.context_codec import to_context
from max.serve.messages import (
    Admitted,
    Cancel,
    Failed,
    FromWorker,
    Refused,
    Report,
    Stop,
    Submit,
    TokenDelta,
    Tokens,
    ToWorker,
)
from max.serve.scheduler import Batch, Scheduler
from max.serve.worker.interface import StepPipeline
from max.serve.worker.step_recorder import StepRecorder

logger = logging.getLogger(__name__)


class WorkerChannel(Protocol):
    """What the loop needs of a channel; `transport.Channel` in production."""

    def send(self, message: FromWorker) -> None: ...

    def receive(self) -> ToWorker: ...

    def drain(self) -> Iterable[ToWorker]: ...


class Engine:
    """Runs requests until it is told to stop. Idle, it sleeps in the channel's `receive`."""

    def __init__(
        self, pipeline: StepPipeline, scheduler: Scheduler, channel: WorkerChannel
    ) -> None:
        self._pipeline = pipeline
        self._scheduler = scheduler
        self._channel = channel
        self._recorder = StepRecorder(scheduler, pipeline.kv_manager)
        self._stopped = False

    def run(self) -> None:
        """Returns after a `Stop` message."""
        while True:
            self._take_messages()
            if self._stopped:
                return
            self._recorder.start_scheduling()
            batch = self._scheduler.schedule()
            if batch is not None:
                self._step(batch)

    def _take_messages(self) -> None:
        """Takes what is there; waits when there is nothing to run."""
        admitted: list[str] = []
        for message in self._channel.drain():
            self._take(message, admitted)
        if not admitted and not self._stopped and not self._scheduler.has_work:
            if self._recorder.has_news:
                self._channel.send(Report(self._recorder.take()))
            self._take(self._channel.receive(), admitted)
        if admitted:
            self._channel.send(Admitted(admitted))

    def _take(self, message: ToWorker, admitted: list[str]) -> None:
        match message:
            case Submit():
                try:
                    self._scheduler.add(to_context(message))
                except ValueError as refusal:
                    self._channel.send(Refused(message.request_id, str(refusal)))
                else:
                    admitted.append(message.request_id)
                    self._recorder.queued(message.request_id)
            case Cancel(request_ids=request_ids):
                for request_id in request_ids:
                    self._scheduler.cancel(RequestID(request_id))
                    self._recorder.forget(request_id)
            case Stop():
                self._stopped = True

    def _step(self, batch: Batch) -> None:
        self._recorder.start_executing(batch)
        try:
            outputs = self._pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
        except Exception as error:
            self._fail(batch, error)
            return
        self._scheduler.finish_step(batch, outputs)
        self._recorder.finish(batch, outputs)
        deltas = [
            TokenDelta(str(request_id), list(output.tokens), output.final_status)
            for request_id, output in outputs.items()
            if output.tokens or output.is_done
        ]
        if deltas:
            self._channel.send(Tokens(deltas, self._recorder.take()))

    def _fail(self, batch: Batch, error: Exception) -> None:
        """Gives up the batch's requests and their pages; the others go on."""
        request_ids = [context.request_id for context in batch.contexts]
        logger.exception("A step failed; its requests are given up: %s", ", ".join(request_ids))
        for request_id in request_ids:
            self._scheduler.cancel(request_id)
        reason = f"{type(error).__name__}: {error}"
        self._channel.send(Failed([str(request_id) for request_id in request_ids], reason))
