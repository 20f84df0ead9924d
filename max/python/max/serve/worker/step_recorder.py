"""Measures the worker's steps for the metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from max.serve.telemetry.worker_stats import BegunRequest, EngineLoad, StepStats, WorkerStats

if TYPE_CHECKING:
    from max.pipelines.context import TextContext, TextGenerationOutput
    from max.pipelines.kv_cache import KVCacheMetrics
    from max.pipelines.modeling.types import RequestID
    from max.pipelines.scheduling import Batch, Scheduler
    from max.serve.worker.interface import CountedPages


# Experts are many: they are told so often at most while requests run.
_EXPERTS_INTERVAL_S = 1.0


class StartedStep(NamedTuple):
    """A step that runs, times by `time.monotonic`."""

    scheduling_at: float
    executing_at: float
    prompt_tokens: int


class StepRecorder:
    """Follows one step after the other and collects what the next message shall report.

    A step is `start_scheduling`, `start_executing`, `finish`, in this order. The next one may start
    before this one is finished.

    Attributes:
        expert_tokens: The tokens of each expert so far by layer, to be told; None for not.
    """

    def __init__(self, scheduler: Scheduler, cache: CountedPages) -> None:
        self._scheduler = scheduler
        self._cache = cache
        self.expert_tokens: Mapping[str, Sequence[int]] | None = None
        self._experts_told_at = 0.0
        self._has_expert_news = False
        self._waiting: set[str] = set()
        self._steps: list[StepStats] = []
        self._begun: list[BegunRequest] = []
        counts = cache.metrics
        self._prefix_tokens = (counts.prefix_tokens_asked, counts.prefix_tokens_hit)
        self._load = self._reported = self._load_now(counts)
        self._scheduling_at = self._finished_at = 0.0

    def queued(self, request_id: str) -> None:
        """A request was taken; its first step will be reported."""
        self._waiting.add(request_id)

    def forget(self, request_id: str) -> None:
        """A request is gone, maybe before its first step."""
        self._waiting.discard(request_id)

    def start_scheduling(self) -> None:
        """The scheduler is about to choose a batch."""
        self._scheduling_at = time.monotonic()

    def start_executing(self, batch: Batch) -> StartedStep:
        """The model is about to run the batch, whose contexts are as they were chosen."""
        executing_at = time.monotonic()
        if self._waiting:
            # Plain strings: of two equal elements, intersection gives the one of its argument.
            begun = self._waiting.intersection(str(c.request_id) for c in batch.contexts)
            self._begun += [BegunRequest(request_id, executing_at) for request_id in begun]
            self._waiting -= begun
        return StartedStep(
            self._scheduling_at,
            executing_at,
            batch.input_tokens - sum(map(_is_decoding, batch.contexts)),
        )

    def finish(
        self,
        batch: Batch,
        outputs: Mapping[RequestID, TextGenerationOutput],
        started: StartedStep,
    ) -> float:
        """The model ran, and the scheduler knows it.

        Returns:
            Seconds that it ran.
        """
        executed_at = time.monotonic()
        # Behind another step it waited for the model.
        execution_s = executed_at - max(started.executing_at, self._finished_at)
        self._finished_at = executed_at
        counts = self._cache.metrics
        asked, hit = self._prefix_tokens
        self._prefix_tokens = (counts.prefix_tokens_asked, counts.prefix_tokens_hit)
        self._load = self._load_now(counts)
        self._steps.append(
            StepStats(
                batch_size=len(batch.contexts),
                input_tokens=batch.input_tokens,
                prompt_tokens=started.prompt_tokens,
                context_tokens=batch.cached_tokens,
                output_tokens=sum(len(output.tokens) for output in outputs.values()),
                terminated=sum(output.is_done for output in outputs.values()),
                preempted=batch.num_preempted,
                creation_s=started.executing_at - started.scheduling_at,
                execution_s=execution_s,
                prefix_tokens_asked=counts.prefix_tokens_asked - asked,
                prefix_tokens_hit=counts.prefix_tokens_hit - hit,
                begun=self._begun,
                predicted_s=batch.predicted_s,
            )
        )
        self._begun = []
        self._has_expert_news = self.expert_tokens is not None
        return execution_s

    def take(self) -> WorkerStats:
        """The steps that were not reported yet, and the load after the last one."""
        steps, self._steps = self._steps, []
        self._reported = self._load
        is_due = time.monotonic() - self._experts_told_at > _EXPERTS_INTERVAL_S
        return WorkerStats(steps, self._load, self._take_experts() if is_due else {})

    def take_news(self) -> WorkerStats | None:
        """As `take`, with the load and counts of this moment; None if they were reported so."""
        self._load = self._load_now(self._cache.metrics)
        if not (self._steps or self._has_expert_news or self._load != self._reported):
            return None
        self._experts_told_at = 0.0
        return self.take()

    def _take_experts(self) -> dict[str, list[int]]:
        if not self._has_expert_news or self.expert_tokens is None:
            return {}
        self._has_expert_news = False
        self._experts_told_at = time.monotonic()
        return {layer: list(counts) for layer, counts in dict(self.expert_tokens).items()}

    def _load_now(self, counts: KVCacheMetrics) -> EngineLoad:
        return EngineLoad(
            num_running=self._scheduler.num_running,
            num_queued=self._scheduler.num_waiting,
            used_pages=counts.num_used_pages,
            total_pages=counts.num_total_pages,
        )


def _is_decoding(context: TextContext) -> bool:
    return context.tokens.active_length == 1 and context.tokens.generated_length > 0
