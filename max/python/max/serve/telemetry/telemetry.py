"""What becomes of a request's record when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from max.serve.telemetry.metrics import Metrics
from max.serve.telemetry.request_log import log_request
from max.serve.telemetry.request_record import RequestRecord

if TYPE_CHECKING:
    from max.serve.telemetry.tracing import RequestTracer


class Telemetry:
    """Metrics and logs, and traces where an endpoint for them is configured.

    Attributes:
        metrics: The server's metrics.
    """

    def __init__(self, otlp_endpoint: str | None = None) -> None:
        self.metrics = Metrics()
        self._tracer: RequestTracer | None = None
        if otlp_endpoint is not None:
            # OpenTelemetry takes a while to import, and nobody else needs it.
            from max.serve.telemetry.tracing import RequestTracer

            self._tracer = RequestTracer(otlp_endpoint)

    def end_request(self, record: RequestRecord) -> None:
        """Counts, traces and logs a request that has ended."""
        self.metrics.requests.observe(record)
        trace_id = None if self._tracer is None else self._tracer.record(record)
        log_request(record, trace_id)

    def close(self) -> None:
        """Sends what is left of the traces; waits for a few seconds at most."""
        if self._tracer is not None:
            self._tracer.close()
