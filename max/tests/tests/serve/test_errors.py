"""Tests of `max.serve.errors`."""

from __future__ import annotations

import json

from max.serve.errors import (
    ApiError,
    context_length_exceeded,
    error_response,
    model_not_found,
)
from max.serve.unavailable import engine_failed, not_ready


def test_envelope_is_openais() -> None:
    error = ApiError(400, "no", param="n", code="invalid_value")

    assert json.loads(error.encode()) == {
        "error": {
            "message": "no",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
        }
    }


def test_response_has_status_and_type() -> None:
    response = error_response(model_not_found("a", "b"))

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    assert "retry-after" not in response.headers


def test_only_an_error_that_passes_asks_to_retry() -> None:
    assert error_response(not_ready("loading")).headers["retry-after"] == "1"


def test_our_faults_are_server_errors() -> None:
    for error in (engine_failed("x", "id"), not_ready("x")):
        assert error.status >= 500
        assert error.body.type == "server_error"


def test_prompt_alone_is_blamed_when_it_alone_is_too_long() -> None:
    message = context_length_exceeded(10, 12, 5, "messages").body.message

    assert message == (
        "This model's maximum context length is 10 tokens. However, your messages resulted in 12"
        " tokens. Please reduce the length of the messages."
    )
