"""The report of `max generate`."""

from __future__ import annotations

from max.entrypoints.cli.metrics import GenerationMetrics


def test_report() -> None:
    metrics = GenerationMetrics(
        prompt_size=10, output_size=5, first_token=0.5, total=2.5, startup=1.25
    )
    assert metrics.report().splitlines() == [
        "Prompt size: 10",
        "Output size: 5",
        "Startup time: 1250.00 ms",
        "Time to first token: 500.00 ms",
        "Prompt eval throughput (context-encoding): 20.00 tokens per second",
        "Time per Output Token: 500.00 ms",
        "Eval throughput (token-generation): 2.00 tokens per second",
        "Total Latency: 2500.00 ms",
        "Total Throughput: 0.40 req/s",
    ]


def test_a_single_token_has_no_time_per_token() -> None:
    metrics = GenerationMetrics(
        prompt_size=1, output_size=1, first_token=0.5, total=0.5, startup=0.0
    )
    assert "Time per Output Token" not in metrics.report()
