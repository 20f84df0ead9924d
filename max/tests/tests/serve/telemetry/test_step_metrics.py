"""Tests of `max.serve.telemetry.step_metrics`."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from max.serve.telemetry.step_metrics import StepMetrics
from max.serve.telemetry.worker_stats import EngineLoad, StepStats, WorkerStats

PREFILL = StepStats(
    batch_size=3,
    input_tokens=102,
    prompt_tokens=100,
    context_tokens=50,
    output_tokens=3,
    terminated=1,
    preempted=2,
    creation_s=0.001,
    execution_s=0.5,
    prefix_tokens_asked=120,
    prefix_tokens_hit=30,
    begun=[],
    predicted_s=0.4,
)
DECODE = StepStats(
    batch_size=2,
    input_tokens=2,
    prompt_tokens=0,
    context_tokens=150,
    output_tokens=2,
    terminated=0,
    preempted=0,
    creation_s=0.001,
    execution_s=0.1,
    prefix_tokens_asked=0,
    prefix_tokens_hit=0,
    begun=[],
)


@pytest.fixture
def registry() -> CollectorRegistry:
    """After two steps that were told at once."""
    registry = CollectorRegistry()
    StepMetrics(registry).observe(WorkerStats([PREFILL, DECODE], EngineLoad(2, 5, 30, 40)))
    return registry


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_requests_running", 2),
        ("num_requests_queued", 5),
        ("batch_pending_reqs", 5),
        ("cache_num_used_blocks", 30),
        ("cache_num_total_blocks", 40),
        ("cache_used_kv_pct_percent", 75),
        ("num_output_tokens_total", 5),
        ("batch_terminated_reqs_total", 1),
        ("cache_preemption_count_total", 2),
        ("cache_hits_total", 30),
        ("cache_misses_total", 90),
        ("cache_hit_rate_sum", 0.25),
        ("cache_hit_rate_count", 1),
        ("batch_size_sum", 5),
        ("batch_size_count", 2),
        ("batch_input_tokens_sum", 104),
        ("batch_context_tokens_sum", 200),
        ("batch_creation_time_milliseconds_sum", 2),
        ("batch_execution_time_milliseconds_sum", 600),
        # 0.5 s instead of 0.4; nothing was predicted of the other step.
        ("batch_execution_to_predicted_time_ratio_sum", 1.25),
        ("batch_execution_to_predicted_time_ratio_count", 1),
        # 100 tokens in 0.5 s; the other step had no prompt.
        ("batch_prompt_throughput_tokens_per_second_sum", 200),
        ("batch_prompt_throughput_tokens_per_second_count", 1),
        # 3 tokens in 0.5 s and 2 in 0.1 s.
        ("batch_generation_throughput_tokens_per_second_sum", 26),
    ],
)
def test_value(registry: CollectorRegistry, name: str, value: float) -> None:
    assert registry.get_sample_value(f"maxserve_{name}") == pytest.approx(value)
