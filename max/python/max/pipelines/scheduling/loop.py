"""The plain loop, schedule, execute, take note, and the same with two steps at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from max.pipelines.context import TextGenerationOutput
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling.batch import Batch
from max.pipelines.scheduling.interface import OverlapPipeline, StepPipeline
from max.pipelines.scheduling.scheduler import Scheduler
from max.pipelines.scheduling.step import LaunchedStep


class FinishedStep(NamedTuple):
    """A step that was run, and what it gave each of its requests."""

    batch: Batch
    outputs: Mapping[RequestID, TextGenerationOutput]


def run_steps(pipeline: StepPipeline, scheduler: Scheduler) -> Iterator[FinishedStep]:
    """Runs steps until every request is done; requests may be added and cancelled in between."""
    while (batch := scheduler.schedule()) is not None:
        outputs = pipeline.execute(TextGenerationInputs(batches=[batch.contexts]))
        scheduler.finish_step(batch, outputs)
        yield FinishedStep(batch, outputs)


def run_overlapped(pipeline: OverlapPipeline, scheduler: Scheduler) -> Iterator[FinishedStep]:
    """As `run_steps`, with the same tokens: a step is launched before the last one is collected.

    So the host works on both while the model runs. A request may end in a step that is collected
    when its next one runs already; what that gives it is dropped.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="model") as executor:
        running: _RunningStep | None = None
        while running is not None or scheduler.has_work:
            if running is not None and running.step.needs_collect:
                yield _collected(pipeline, scheduler, running)
                running = None
            batch, launched = scheduler.schedule(), None
            if batch is not None:
                inputs = TextGenerationInputs(batches=[batch.contexts])
                after = running.step if running is not None else None
                launched = _RunningStep(batch, pipeline.launch(inputs, after, executor))
            if running is not None:
                yield _collected(pipeline, scheduler, running)
            running = launched


class _RunningStep(NamedTuple):
    batch: Batch
    step: LaunchedStep


def _collected(
    pipeline: OverlapPipeline, scheduler: Scheduler, running: _RunningStep
) -> FinishedStep:
    outputs = pipeline.collect(running.step)
    scheduler.finish_step(running.batch, outputs)
    return FinishedStep(running.batch, outputs)
