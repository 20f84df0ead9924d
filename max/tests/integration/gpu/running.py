"""Requests that are answered by either loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from max.pipelines.context import TextContext
from max.pipelines.lib import TextGenerationPipeline
from max.pipelines.scheduling import (
    FinishedStep,
    Scheduler,
    SchedulerConfig,
    run_overlapped,
    run_steps,
)


def answer(
    pipeline: TextGenerationPipeline, contexts: Sequence[TextContext], overlaps: bool
) -> Iterator[FinishedStep]:
    """The steps that answer requests, which begin together.

    Args:
        pipeline: of the model.
        contexts: the requests.
        overlaps: whether a step is started before the tokens of the last one are known.
    """
    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager)
    for ctx in contexts:
        scheduler.add(ctx)
    return (run_overlapped if overlaps else run_steps)(pipeline, scheduler)
