"""Metrics of the worker's steps and of the KV cache, from what it reports."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from max.serve.telemetry import buckets
from max.serve.telemetry.expert_metrics import ExpertMetrics
from max.serve.telemetry.step_histogram import StepHistogram
from max.serve.telemetry.worker_stats import EngineLoad, StepStats, WorkerStats


class StepMetrics:
    """What the operator of the server tunes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(f"maxserve_{name}", text, registry=registry)

        def gauge(name: str, text: str, unit: str = "") -> Gauge:
            return Gauge(f"maxserve_{name}", text, unit=unit, registry=registry)

        def histogram(
            name: str, text: str, bounds: Sequence[float], unit: str = ""
        ) -> StepHistogram:
            return StepHistogram(f"maxserve_{name}", text, bounds, registry, unit)

        self.num_requests_running = gauge("num_requests_running", "Requests that hold KV pages.")
        self.num_requests_queued = gauge("num_requests_queued", "Requests that wait for a place.")
        self.num_output_tokens = counter("num_output_tokens", "Tokens generated.")
        self.batch_size = histogram("batch_size", "Requests of a step.", buckets.REQUESTS)
        self.batch_creation_time = histogram(
            "batch_creation_time", "Choosing a batch.", buckets.MILLISECONDS, "milliseconds"
        )
        self.batch_execution_time = histogram(
            "batch_execution_time", "Running a batch.", buckets.MILLISECONDS, "milliseconds"
        )
        self.batch_time_to_predicted = histogram(
            "batch_execution_to_predicted_time",
            "Running a batch whose prompts were sized by time, by the time predicted for it.",
            buckets.RATIO,
            "ratio",
        )
        self.batch_input_tokens = histogram(
            "batch_input_tokens", "Tokens that a step computed.", buckets.TOKENS
        )
        self.batch_context_tokens = histogram(
            "batch_context_tokens", "Tokens in the KV cache that a step read.", buckets.TOKENS
        )
        self.batch_prompt_throughput = histogram(
            "batch_prompt_throughput",
            "Prompt tokens computed per second of a step that has any.",
            buckets.TOKENS_PER_SECOND,
            "tokens_per_second",
        )
        self.batch_generation_throughput = histogram(
            "batch_generation_throughput",
            "Tokens generated per second of a step that has any.",
            buckets.TOKENS_PER_SECOND,
            "tokens_per_second",
        )
        self.batch_pending_reqs = gauge(
            "batch_pending_reqs", "Requests that the latest step left waiting."
        )
        self.batch_terminated_reqs = counter(
            "batch_terminated_reqs", "Requests that were finished by a step."
        )
        self.num_used_blocks = gauge("cache_num_used_blocks", "KV pages that requests hold.")
        self.num_total_blocks = gauge("cache_num_total_blocks", "KV pages.")
        self.used_kv_pct = gauge("cache_used_kv_pct", "Share of the KV pages in use.", "percent")
        self.cache_hits = counter("cache_hits", "Prompt tokens found in the prefix cache.")
        self.cache_misses = counter("cache_misses", "Prompt tokens looked for and not found there.")
        self.cache_hit_rate = histogram(
            "cache_hit_rate", "Share of prompt tokens found, per step with lookups.", buckets.SHARE
        )
        self.preemption_count = counter(
            "cache_preemption_count", "Times that a request gave up its KV pages for another."
        )

        self.experts = ExpertMetrics(registry)
        self._load: EngineLoad | None = None

    def observe(self, stats: WorkerStats) -> None:
        """Takes a report of the worker."""
        self.experts.observe(stats.expert_tokens)
        for step in stats.steps:
            self._observe_step(step)
        if stats.steps:
            self.batch_pending_reqs.set(stats.load.num_queued)
        self.observe_load(stats.load)

    def observe_load(self, load: EngineLoad) -> None:
        """How full the worker is now; most steps change nothing of it."""
        if load == self._load:
            return
        self._load = load
        self.num_requests_running.set(load.num_running)
        self.num_requests_queued.set(load.num_queued)
        self.num_used_blocks.set(load.used_pages)
        self.num_total_blocks.set(load.total_pages)
        self.used_kv_pct.set(100 * load.used_pages / max(1, load.total_pages))

    def _observe_step(self, step: StepStats) -> None:
        self.batch_size.observe(step.batch_size)
        self.batch_creation_time.observe(step.creation_s * 1000)
        self.batch_execution_time.observe(step.execution_s * 1000)
        if step.predicted_s:
            self.batch_time_to_predicted.observe(step.execution_s / step.predicted_s)
        self.batch_input_tokens.observe(step.input_tokens)
        self.batch_context_tokens.observe(step.context_tokens)
        if step.prompt_tokens:
            self.batch_prompt_throughput.observe(step.prompt_tokens / step.execution_s)
        if step.output_tokens:
            self.num_output_tokens.inc(step.output_tokens)
            self.batch_generation_throughput.observe(step.output_tokens / step.execution_s)
        if step.terminated:
            self.batch_terminated_reqs.inc(step.terminated)
        if step.preempted:
            self.preemption_count.inc(step.preempted)
        if step.prefix_tokens_asked:
            self.cache_hits.inc(step.prefix_tokens_hit)
            self.cache_misses.inc(step.prefix_tokens_asked - step.prefix_tokens_hit)
            self.cache_hit_rate.observe(step.prefix_tokens_hit / step.prefix_tokens_asked)
