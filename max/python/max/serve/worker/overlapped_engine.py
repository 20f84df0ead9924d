"""The worker's loop with two steps at once: one runs while another is scheduled or reported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.scheduling import Batch, LaunchedStep, OverlapPipeline, Scheduler
from max.serve.panics import as_error
from max.serve.worker.adapter_loader import AdapterLoader
from max.serve.worker.crash_record import CrashRecord
from max.serve.worker.engine import Engine, WorkerChannel, lengths_of
from max.serve.worker.interface import ServablePipeline
from max.serve.worker.step_recorder import StartedStep


class RunningStep(NamedTuple):
    """A step that is not collected, and how many tokens its requests had."""

    batch: Batch
    step: LaunchedStep
    started: StartedStep
    lengths: dict[str, int]


class OverlappedEngine(Engine):
    """Gives the same tokens as `Engine`: launches a step before it collects the last one.

    Requests that were in a step that failed are run by that one's rule, each alone, with no other
    step beside it. The crash record names the requests of both steps.

    Raises:
        TypeError: if the pipeline has no `launch` and `collect`.
    """

    def __init__(
        self,
        pipeline: ServablePipeline,
        scheduler: Scheduler,
        channel: WorkerChannel,
        crash_record: CrashRecord,
        loader: AdapterLoader | None = None,
    ) -> None:
        if not isinstance(pipeline, OverlapPipeline):
            raise TypeError(
                f"{type(pipeline).__name__} cannot overlap steps, as it has no `launch` and "
                "`collect`; leave --enable-overlap-scheduler out"
            )
        super().__init__(pipeline, scheduler, channel, crash_record, loader)
        self._launching: OverlapPipeline = pipeline
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._running: RunningStep | None = None

    def _turn(self) -> None:
        running = self._running
        if running is not None and (self._arrivals.trial or running.step.needs_collect):
            self._collect(None)
        if self._arrivals.trial:
            super()._turn()
            return
        batch = self._schedule()
        launched = None if batch is None else self._launch(batch)
        if self._running is None:
            self._running = launched
        else:
            self._collect(launched)
        if self._running is not None and not self._scheduler.has_work:
            self._collect(None)  # Its requests have ended in the step before; the loop may sleep.

    def _launch(self, batch: Batch) -> RunningStep | None:
        lengths = lengths_of(batch)
        inputs = TextGenerationInputs(batches=[batch.contexts])
        before = self._running
        others = {} if before is None else before.lengths
        self._crash_record.write(others | lengths)
        try:
            started = self._recorder.start_executing(batch)
            after = None if before is None else before.step
            step = self._launching.launch(inputs, after, self._executor)
        except BaseException as error:
            self._fail(lengths, as_error(error))
            self._crash_record.write(others)
            return None
        return RunningStep(batch, step, started, lengths)

    def _fail_all(self, error: Exception) -> None:
        running, self._running = self._running, None
        if running is not None:  # Its requests' pages are given back.
            _wait_for(running.step)
        super()._fail_all(error)

    def _collect(self, launched: RunningStep | None) -> None:
        """Collects the running step; `launched`, which came after it, is the running one then."""
        running, self._running = self._running, launched
        assert running is not None, "whoever calls this has looked"
        try:
            self._finish(running.batch, self._launching.collect(running.step), running.started)
        except BaseException as error:
            lengths = running.lengths
            if launched is not None:  # It may have taken its tokens from what failed.
                _wait_for(launched.step)
                lengths = lengths | launched.lengths
                self._running = None
            self._fail(lengths, as_error(error))
        else:
            self._crash_record.write({} if launched is None else launched.lengths)


def _wait_for(step: LaunchedStep) -> None:
    """Waits until a step whose result nobody takes has run, or failed."""
    try:
        step.result()
    except BaseException as error:
        as_error(error)
