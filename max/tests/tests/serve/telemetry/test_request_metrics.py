"""Tests of `max.serve.telemetry.request_metrics`."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from max.serve.clients import Client
from max.serve.telemetry.request_metrics import RequestMetrics
from max.serve.telemetry.request_record import RequestRecord
from tests.serve.telemetry.records import FixedChoice, make_record


def observed(record: RequestRecord) -> CollectorRegistry:
    registry = CollectorRegistry()
    RequestMetrics(registry).observe(record)
    return registry


@pytest.mark.parametrize(
    ("name", "milliseconds"),
    [
        ("input_processing_time", 100),
        ("queue_time", 200),
        ("time_to_first_token", 500),
        # 11 tokens of the longer answer came in 1 s.
        ("time_per_output_token", 100),
        ("output_processing_time", 4),
    ],
)
def test_times(name: str, milliseconds: float) -> None:
    registry = observed(make_record(FixedChoice(11), FixedChoice(5)))

    total = registry.get_sample_value(f"maxserve_{name}_milliseconds_sum")
    assert total == pytest.approx(milliseconds)
    assert registry.get_sample_value(f"maxserve_{name}_milliseconds_count") == 1


def test_request_is_counted_by_status_and_route() -> None:
    registry = observed(make_record(FixedChoice(1)))

    labels = {"code": "200", "path": "/v1/completions"}
    assert registry.get_sample_value("maxserve_request_count_total", labels) == 1
    time = registry.get_sample_value(
        "maxserve_request_time_milliseconds_sum", {"path": "/v1/completions"}
    )
    assert time == pytest.approx(2000)


def test_tokens_are_counted() -> None:
    registry = observed(make_record(FixedChoice(11), FixedChoice(5), prompt_tokens=12))

    assert registry.get_sample_value("maxserve_num_input_tokens_total") == 12
    assert registry.get_sample_value("maxserve_input_tokens_per_request_tokens_sum") == 12
    assert registry.get_sample_value("maxserve_output_tokens_per_request_tokens_sum") == 16


def test_answer_of_one_token_has_no_time_per_token() -> None:
    registry = observed(make_record(FixedChoice(1)))

    assert registry.get_sample_value("maxserve_time_per_output_token_milliseconds_count") == 0


def test_refused_request_counts_as_a_request_and_an_error() -> None:
    record = RequestRecord(status=429, error_code="queue_full", ended=0.0)
    registry = observed(record)

    labels = {"code": "429", "path": "none"}
    assert registry.get_sample_value("maxserve_request_count_total", labels) == 1
    assert registry.get_sample_value("maxserve_request_errors_total", {"error": "queue_full"}) == 1
    assert registry.get_sample_value("maxserve_num_input_tokens_total") == 0
    assert registry.get_sample_value("maxserve_time_to_first_token_milliseconds_count") == 0


def test_request_that_did_not_begin_has_tokens_and_times_neither() -> None:
    record = make_record(FixedChoice(0, None))
    record.begun = record.first_token = record.last_token = None
    registry = observed(record)

    assert registry.get_sample_value("maxserve_time_to_first_token_milliseconds_count") == 0
    assert registry.get_sample_value("maxserve_queue_time_milliseconds_count") == 0
    assert registry.get_sample_value("maxserve_num_input_tokens_total") == 0


def test_requests_and_tokens_of_a_key_are_counted() -> None:
    record = make_record(FixedChoice(11), FixedChoice(5), prompt_tokens=12)
    record.client = Client("team", has_key=True)
    registry = observed(record)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"maxserve_key_{name}_total", {"key": "team", **labels})

    assert value("requests", code="200") == 1
    assert value("tokens", kind="prompt") == 12
    assert value("tokens", kind="completion") == 16


def test_addresses_are_not_counted() -> None:
    record = make_record(FixedChoice(1))
    record.client = Client("10.0.0.7")

    labels = {"key": "10.0.0.7", "code": "200"}
    assert observed(record).get_sample_value("maxserve_key_requests_total", labels) is None
