"""The plain loop: schedule, execute, take note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from max.pipelines.context import TextGenerationOutput
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling.batch import Batch
from max.pipelines.scheduling.interface import StepPipeline
from max.pipelines.scheduling.scheduler import Scheduler


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
