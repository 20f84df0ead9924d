"""Tests of `max.serve.worker.failure_report`."""

from __future__ import annotations

import pytest

from max.serve.listening import open_socket
from max.serve.worker.failure_report import report_failure


def test_what_our_code_refused_is_told_by_its_message_alone() -> None:
    with pytest.raises(OSError) as refusal:
        open_socket("256.1.1.1", 0)

    report = report_failure(refusal.value)

    assert report.startswith("ListenError: cannot listen on host '256.1.1.1'")
    assert "Traceback" not in report


def test_an_error_elsewhere_is_shown_where_it_happened() -> None:
    with pytest.raises(ValueError) as failure:
        int("x")

    report = report_failure(failure.value)

    assert report.startswith("Traceback")
    assert "test_failure_report.py" in report
    assert report.endswith("invalid literal for int() with base 10: 'x'")


def test_a_bug_in_our_code_is_shown_where_it_happened() -> None:
    with pytest.raises(TypeError) as failure:
        open_socket(object(), 0)  # type: ignore[arg-type]

    assert report_failure(failure.value).startswith("Traceback")
