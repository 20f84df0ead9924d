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
        """As `spans_by_name`, for spans of different names."""
        spans = self.spans_by_name(count)
        assert len(spans) == count, "some have the same name"
        return {name: alike[0] for name, alike in spans.items()}

    def spans_by_name(self, count: int) -> dict[str, list[Span]]:
        """Waits for that many spans and gives them by name, in the order of their arrival.

        Raises:
            AssertionError: They did not come.
        """
        with self._arrival:
            self._arrival.wait_for(lambda: len(self._spans) >= count, timeout=WAIT_S)
            names = [span.name for span in self._spans]
            assert len(names) == count, f"expected {count} spans, got {names}"
            return {name: [s for s in self._spans if s.name == name] for name in names}


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
