"""Continuous batching: which tokens of which requests each step computes."""

from max.serve.scheduler.batch import Batch
from max.serve.scheduler.config import SchedulerConfig
from max.serve.scheduler.errors import RequestTooLargeError
from max.serve.scheduler.interface import PageSource
from max.serve.scheduler.scheduler import Scheduler

__all__ = [
    "Batch",
    "PageSource",
    "RequestTooLargeError",
    "Scheduler",
    "SchedulerConfig",
]
