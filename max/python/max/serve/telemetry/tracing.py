"""OpenTelemetry traces of requests. Imported only when there is an endpoint to send them to."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from typing import TypeAlias

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from max import __version__
from max.serve.telemetry.request_record import RequestRecord
from max.serve.telemetry.span_attributes import generation_attributes, http_attributes

# The SDK's own limit is 30 seconds, and does not interrupt a connection that hangs.
CLOSE_TIMEOUT_S = 3.0

Attributes: TypeAlias = Mapping[str, str | int | float | list[str]]


class RequestTracer:
    """Makes the spans of a request when it has ended, so that running ones cost nothing.

    POST /v1/chat/completions
      chat MODEL
        tokenize
        queue       until the first step
        prefill     until the first token
        decode      until the last token

    Spans are sent by a thread of their own; what the endpoint does not take in time is dropped.

    Args:
        endpoint: Base URL of an OTLP/HTTP collector; `/v1/traces` is added. Headers, time limits
            and sampling follow OpenTelemetry's own environment variables.
    """

    def __init__(self, endpoint: str) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or "max-serve"
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: name, SERVICE_VERSION: __version__}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("max.serve", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def record(self, record: RequestRecord) -> str:
        """Makes the spans of a request that has ended.

        Returns:
            Its trace id, the client's own if it sent a `traceparent`.
        """
        assert record.ended is not None, "the middleware sets it"
        http = self._span(
            f"{record.method} {record.route}",
            record.arrived,
            record.ended,
            self._propagator.extract(record.trace_headers),
            kind=SpanKind.SERVER,
            attributes=http_attributes(record),
            failed=record.status >= 500,
        )
        if record.submitted is not None:
            generation = self._span(
                f"{record.operation} {record.model}",
                record.arrived,
                record.ended,
                set_span_in_context(http),
                attributes=generation_attributes(record),
            )
            self._record_phases(record, set_span_in_context(generation))
        return format_trace_id(http.get_span_context().trace_id)

    def close(self) -> None:
        """Sends what is left, for `CLOSE_TIMEOUT_S` at most."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)

    def _record_phases(self, record: RequestRecord, parent: Context) -> None:
        phases = {
            "tokenize": (record.arrived, record.submitted),
            "queue": (record.submitted, record.begun),
            "prefill": (record.begun, record.first_token),
            "decode": (record.first_token, record.last_token),
        }
        for name, (start, end) in phases.items():
            if start is not None and end is not None:
                self._span(name, start, end, parent)

    def _span(
        self,
        name: str,
        start: float,
        end: float,
        parent: Context,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        failed: bool = False,
    ) -> Span:
        span = self._tracer.start_span(
            name, parent, kind, attributes, start_time=_since_epoch_ns(start)
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(_since_epoch_ns(end))
        return span


def _since_epoch_ns(monotonic: float) -> int:
    return time.time_ns() - round((time.monotonic() - monotonic) * 1e9)
