"""Tests of `max.serve.telemetry.token_clock`."""

from __future__ import annotations

import pytest

from max.serve.telemetry.metrics import Metrics
from max.serve.telemetry.request_record import RequestRecord
from max.serve.telemetry.token_clock import TokenClock


def test_gaps_between_deliveries_are_shared_among_their_tokens() -> None:
    metrics, record = Metrics(), RequestRecord()
    clock = TokenClock(record, metrics.requests)

    for num_tokens, now in ((1, 10.0), (1, 10.1), (4, 10.5)):
        clock.tick(num_tokens, now)

    assert (record.first_token, record.last_token) == (10.0, 10.5)
    # 100 ms, and 400 ms for four.
    total = metrics.registry.get_sample_value("maxserve_itl_milliseconds_sum")
    assert total == pytest.approx(200)
    assert metrics.registry.get_sample_value("maxserve_itl_milliseconds_count") == 2


def test_choices_of_a_request_have_gaps_of_their_own() -> None:
    metrics, record = Metrics(), RequestRecord()
    first, second = (TokenClock(record, metrics.requests) for _ in range(2))

    first.tick(1, 10.0)
    second.tick(1, 10.2)

    assert (record.first_token, record.last_token) == (10.0, 10.2)
    assert metrics.registry.get_sample_value("maxserve_itl_milliseconds_count") == 0


def test_first_beginning_counts() -> None:
    metrics, record = Metrics(), RequestRecord()
    clock = TokenClock(record, metrics.requests)

    for at in (10.0, 9.0, 11.0):
        clock.began(at)

    assert record.begun == 9.0
