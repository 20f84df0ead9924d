"""Tests of `max.serve.telemetry.metrics`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from prometheus_client import generate_latest

from max.serve.telemetry.metrics import Metrics
from max.serve.timeline import Phase

# build: data = ["//docs"]
PAGE = Path(__file__).parents[5] / "docs" / "operate-a-server.md"

# The names that MAX's documentation gives, but for those of what does not exist here: further tiers
# of the cache and speculative decoding.
DOCUMENTED = [
    "request_count",
    "request_time",
    "time_to_first_token",
    "itl",
    "time_per_output_token",
    "num_input_tokens",
    "num_output_tokens",
    "num_requests_running",
    "num_requests_queued",
    "batch_size",
    "batch_execution_time",
    "batch_creation_time",
    "batch_input_tokens",
    "batch_context_tokens",
    "batch_prompt_throughput",
    "batch_generation_throughput",
    "batch_pending_reqs",
    "batch_terminated_reqs",
    "input_processing_time",
    "output_processing_time",
    "model_load_time",
    "pipeline_load",
    "input_tokens_per_request",
    "output_tokens_per_request",
    "cache_num_used_blocks",
    "cache_num_total_blocks",
    "cache_used_kv_pct",
    "cache_hit_rate",
    "cache_hits",
    "cache_misses",
    "cache_preemption_count",
]


def shown_families() -> list[str]:
    shown = generate_latest(Metrics().registry).decode()
    return [line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE")]


def test_documented_names_are_there() -> None:
    families = shown_families()

    missing = [
        name
        for name in DOCUMENTED
        if not any(family.startswith(f"maxserve_{name}") for family in families)
    ]
    assert missing == []
    assert all(family.startswith("maxserve_") for family in families)


def test_every_metric_is_told_to_operators() -> None:
    page = PAGE.read_text(encoding="utf-8")
    families = [name for name in shown_families() if not name.endswith("_created")]

    assert [name for name in families if not re.search(rf"`{name}(\{{\w+(,\w+)?\}})?`", page)] == []


def test_servers_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.worker_restarts.inc()

    assert other.registry.get_sample_value("maxserve_worker_restarts_total") == 0


def test_start_is_told_by_phases() -> None:
    metrics = Metrics()
    metrics.model_ready("m", [Phase("download", 1.0), Phase("read", 2.5)])

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert value("maxserve_startup_seconds", phase="read") == 2.5
    assert value("maxserve_model_load_time_milliseconds") == 3500
    assert value("maxserve_pipeline_load_total", model="m") == 1


def test_process_metrics_tell_of_that_process() -> None:
    metrics = Metrics()
    metrics.add_process_metrics("api", os.getpid)

    memory = metrics.registry.get_sample_value("api_process_resident_memory_bytes")
    assert memory is not None
    assert memory > 1_000_000
