"""Tests of `max.serve.telemetry.request_log`."""

from __future__ import annotations

import logging

import pytest

from max.serve.telemetry.request_log import log_request
from max.serve.telemetry.request_record import RequestRecord
from tests.serve.telemetry.records import FixedChoice, make_record


def logged(caplog: pytest.LogCaptureFixture, record: RequestRecord) -> logging.LogRecord:
    with caplog.at_level("DEBUG", logger="max.serve.requests"):
        log_request(record)
    (line,) = caplog.records
    return line


def test_finished_request(caplog: pytest.LogCaptureFixture) -> None:
    line = logged(caplog, make_record(FixedChoice(11), FixedChoice(5, "length")))

    assert (line.levelname, line.getMessage()) == ("INFO", "POST answered")
    assert line.__dict__["fields"] == {
        "request_id": "abc",
        "route": "/v1/completions",
        "status": 200,
        "prompt_tokens": 12,
        "cached_tokens": 8,
        "completion_tokens": 16,
        "finish_reason": "stop,length",
        "ttft_ms": 500.0,
        "total_ms": 2000.0,
    }


def test_refused_request(caplog: pytest.LogCaptureFixture) -> None:
    line = logged(
        caplog,
        RequestRecord(
            request_id="abc",
            method="POST",
            status=429,
            error_code="queue_full",
            arrived=1.0,
            ended=1.25,
        ),
    )

    assert line.__dict__["fields"] == {
        "request_id": "abc",
        "route": "none",
        "status": 429,
        "error": "queue_full",
        "total_ms": 250.0,
    }


def test_questions_about_the_server_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    line = logged(caplog, RequestRecord(method="GET", route="/health", status=200, ended=1.0))

    assert line.levelname == "DEBUG"
