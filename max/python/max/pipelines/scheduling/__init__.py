"""Continuous batching: which tokens of which requests each step computes."""

from max.pipelines.scheduling.batch import Batch
from max.pipelines.scheduling.config import SchedulerConfig
from max.pipelines.scheduling.errors import RequestTooLargeError
from max.pipelines.scheduling.interface import PageSource, StepPipeline
from max.pipelines.scheduling.loop import FinishedStep, run_steps
from max.pipelines.scheduling.scheduler import Scheduler

__all__ = [
    "Batch",
    "FinishedStep",
    "PageSource",
    "RequestTooLargeError",
    "Scheduler",
    "SchedulerConfig",
    "StepPipeline",
    "run_steps",
]
