"""All metrics of the server, in the names that MAX gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from max.serve.telemetry.request_metrics import RequestMetrics
from max.serve.telemetry.step_metrics import StepMetrics
from max.serve.timeline import Phase


class Metrics:
    """One server's metrics; nothing is global, so that tests may have several.

    Attributes:
        registry: What `/metrics` shows.
        requests: Metrics of HTTP requests.
        steps: Metrics of the worker.
        adapters: LoRA adapters that are loaded.
        adapter_requests: Requests of each, by its name; each choice counts.
        adapter_tokens: Tokens of their answers.
        worker_restarts: Times that the worker had to be started again.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = RequestMetrics(self.registry)
        self.steps = StepMetrics(self.registry)
        self.adapters = Gauge(
            "maxserve_lora_adapters", "LoRA adapters that are loaded.", registry=self.registry
        )
        self.adapter_requests = Counter(
            "maxserve_lora_requests",
            "Requests of a LoRA adapter; each choice counts.",
            ["adapter"],
            registry=self.registry,
        )
        self.adapter_tokens = Counter(
            "maxserve_lora_output_tokens",
            "Tokens of answers of a LoRA adapter.",
            ["adapter"],
            registry=self.registry,
        )
        self.worker_restarts = Counter(
            "maxserve_worker_restarts",
            "Times that the model worker was started again.",
            registry=self.registry,
        )
        self._pipeline_load = Counter(
            "maxserve_pipeline_load",
            "Times that a model became ready.",
            ["model"],
            registry=self.registry,
        )
        self._model_load_time = Gauge(
            "maxserve_model_load_time",
            "The latest start, until the model was ready.",
            unit="milliseconds",
            registry=self.registry,
        )
        self._startup_seconds = Gauge(
            "maxserve_startup",
            "The phases of the latest start.",
            ["phase"],
            unit="seconds",
            registry=self.registry,
        )

    def model_ready(self, model: str, phases: Iterable[Phase]) -> None:
        """A model became ready after these phases."""
        self._pipeline_load.labels(model).inc()
        phases = list(phases)
        self._model_load_time.set(sum(phase.seconds for phase in phases) * 1000)
        self._startup_seconds.clear()
        for phase in phases:
            self._startup_seconds.labels(phase.name).set(phase.seconds)

    def add_process_metrics(self, namespace: str, pid: Callable[[], int]) -> None:
        """Adds CPU time, memory and open files of a process, read when somebody asks."""
        ProcessCollector(namespace=namespace, pid=pid, registry=self.registry)
