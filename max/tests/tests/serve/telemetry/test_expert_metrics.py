"""Tests of `max.serve.telemetry.expert_metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from max.serve.telemetry.expert_metrics import ExpertMetrics


def test_totals_of_workers_add_up() -> None:
    registry = CollectorRegistry()
    metrics = ExpertMetrics(registry)

    def tokens(expert: str) -> float | None:
        labels = {"layer": "layers.0.mlp", "expert": expert}
        return registry.get_sample_value("maxserve_expert_tokens_total", labels)

    metrics.observe({"layers.0.mlp": [3, 0]})
    metrics.observe({"layers.0.mlp": [4, 2]})
    metrics.observe({})
    assert (tokens("0"), tokens("1")) == (4, 2)
    metrics.forget_worker()
    metrics.observe({"layers.0.mlp": [5, 1]})
    assert (tokens("0"), tokens("1")) == (9, 3)
