"""An OpenTelemetry collector on this machine, for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WAIT_S = 20


class Collector:
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.resources: list[dict[str, object]] = []
        self._spans: list[Span] = []
        self._arrival = threading.Condition()
        self.url = ""

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        with self._arrival:
            for part in request.resource_spans:
                self.resources.append(
                    {item.key: item.value.string_value for item in part.resource.attributes}
                )
                for scope in part.scope_spans:
                    self._spans += scope.spans
            self._arrival.notify_all()

    def spans(self, count: int) -> dict[str, Span]:
        """Waits for that many spans and gives them by name.

        Raises:
            AssertionError: They did not come, or two have the same name.
        """
        with self._arrival:
            self._arrival.wait_for(lambda: len(self._spans) >= count, timeout=WAIT_S)
            spans = {span.name: span for span in self._spans}
        assert len(spans) == count, f"expected {count} spans, got {sorted(spans)}"
        return spans


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a free port of 127.0.0.1."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def attributes_of(span: Span) -> dict[str, object]:
    """A span's attributes as Python values."""
    values = {}
    for item in span.attributes:
        kind = item.value.WhichOneof("value")
        value = getattr(item.value, str(kind))
        values[item.key] = (
            [element.string_value for element in value.values] if kind == "array_value" else value
        )
    return values
