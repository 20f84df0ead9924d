"""Tests of `max.serve.telemetry.tracing`, with a collector on this machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from max.serve.telemetry.request_record import RequestRecord
from max.serve.telemetry.tracing import RequestTracer
from tests.serve.telemetry.collector import Collector, attributes_of, running_collector
from tests.serve.telemetry.records import FixedChoice, make_record

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


def traced(collector: Collector, record: RequestRecord, *, count: int) -> dict[str, Span]:
    tracer = RequestTracer(collector.url)
    trace_id = tracer.record(record)
    tracer.close()
    spans = collector.spans(count)
    assert {span.trace_id.hex() for span in spans.values()} <= {trace_id}
    return spans


def duration_s(span: Span) -> float:
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def test_phases_of_a_request(collector: Collector) -> None:
    spans = traced(collector, make_record(FixedChoice(11)), count=6)

    durations = {name: duration_s(span) for name, span in spans.items()}
    assert durations == pytest.approx(
        {
            "POST /v1/completions": 2.0,
            "text_completion m": 2.0,
            "tokenize": 0.1,
            "queue": 0.2,
            "prefill": 0.2,
            "decode": 1.0,
        },
        abs=1e-3,
    )
    http, generation = spans["POST /v1/completions"], spans["text_completion m"]
    assert http.parent_span_id == b""
    assert generation.parent_span_id == http.span_id
    assert {spans[name].parent_span_id for name in ("tokenize", "queue", "prefill", "decode")} == {
        generation.span_id
    }
    assert http.kind == Span.SPAN_KIND_SERVER


def test_spans_stand_at_the_time_of_day(collector: Collector) -> None:
    record = make_record(FixedChoice(1))
    shift = time.monotonic() - 102.0
    record.arrived += shift
    record.ended = time.monotonic()
    spans = traced(collector, record, count=6)

    ended = spans["POST /v1/completions"].end_time_unix_nano / 1e9
    assert time.time() - 60 < ended <= time.time()


def test_attributes_follow_the_semantic_conventions(collector: Collector) -> None:
    spans = traced(collector, make_record(FixedChoice(11), FixedChoice(5, "length")), count=6)

    assert attributes_of(spans["POST /v1/completions"]) == {
        "http.request.method": "POST",
        "http.route": "/v1/completions",
        "http.response.status_code": 200,
        "http.response.header.x-request-id": ["abc"],
    }
    attributes = attributes_of(spans["text_completion m"])
    assert attributes["gen_ai.operation.name"] == "text_completion"
    assert attributes["gen_ai.request.model"] == "m"
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.request.max_tokens"] == 30
    assert attributes["gen_ai.request.seed"] == 7
    assert attributes["gen_ai.request.choice.count"] == 2
    assert attributes["gen_ai.usage.input_tokens"] == 12
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 8
    assert attributes["gen_ai.usage.output_tokens"] == 16
    assert attributes["gen_ai.response.finish_reasons"] == ["stop", "length"]


def test_nothing_that_a_user_wrote_is_told(collector: Collector) -> None:
    spans = traced(collector, make_record(FixedChoice(1)), count=6)

    # The record's stop string.
    assert not any("secret" in str(span) for span in spans.values())


def test_clients_trace_is_continued(collector: Collector) -> None:
    record = make_record(FixedChoice(1))
    record.trace_headers = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}
    spans = traced(collector, record, count=6)

    http = spans["POST /v1/completions"]
    assert (http.trace_id.hex(), http.parent_span_id.hex()) == (TRACE_ID, SPAN_ID)


def test_trace_that_the_client_does_not_sample_is_not_sent(collector: Collector) -> None:
    record = make_record(FixedChoice(1))
    record.trace_headers = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00"}

    assert traced(collector, record, count=0) == {}


def test_failed_request(collector: Collector) -> None:
    record = RequestRecord(
        method="POST", route="/v1/completions", status=500, error_code="engine_error", ended=0.0
    )
    (span,) = traced(collector, record, count=1).values()

    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes_of(span)["error.type"] == "engine_error"


@pytest.mark.parametrize(
    ("environment", "name"), [({}, "max-serve"), ({"OTEL_SERVICE_NAME": "ours"}, "ours")]
)
def test_service_has_a_name(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    name: str,
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    traced(collector, RequestRecord(ended=0.0), count=1)

    assert [resource["service.name"] for resource in collector.resources] == [name]


def test_collector_that_does_not_answer_delays_the_end_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("max.serve.telemetry.tracing.CLOSE_TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        tracer = RequestTracer(f"http://127.0.0.1:{mute.getsockname()[1]}")
        tracer.record(make_record(FixedChoice(1)))
        start = time.monotonic()
        tracer.close()

        # The exporter alone would wait for 10 seconds.
        assert time.monotonic() - start < 5
