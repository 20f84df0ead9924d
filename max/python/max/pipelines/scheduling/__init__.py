"""Continuous batching: which tokens of which requests each step computes."""

from max.pipelines.scheduling.batch import Batch
from max.pipelines.scheduling.config import SchedulerConfig
from max.pipelines.scheduling.errors import RequestTooLargeError
from max.pipelines.scheduling.interface import (
    AdapterSlots,
    OverlapPipeline,
    PageSource,
    StepPipeline,
)
from max.pipelines.scheduling.loop import FinishedStep, run_overlapped, run_steps
from max.pipelines.scheduling.scheduler import Scheduler
from max.pipelines.scheduling.step import LaunchedStep, StepResult

__all__ = [
    "AdapterSlots",
    "Batch",
    "FinishedStep",
    "LaunchedStep",
    "OverlapPipeline",
    "PageSource",
    "RequestTooLargeError",
    "Scheduler",
    "SchedulerConfig",
    "StepPipeline",
    "StepResult",
    "run_overlapped",
    "run_steps",
]
