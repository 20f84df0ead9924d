"""Tests of `max.serve.config`."""

from __future__ import annotations

import pytest

from max.serve.config import ServerSettings


def test_defaults_are_those_of_the_documentation() -> None:
    settings = ServerSettings.from_env({})

    assert (settings.host, settings.port) == ("0.0.0.0", 8000)


def test_environment_sets_fields() -> None:
    settings = ServerSettings.from_env({"MAX_SERVE_PORT": "9000", "MAX_SERVE_HOST": "::1"})

    assert (settings.host, settings.port) == ("::1", 9000)


def test_flags_win_over_the_environment_and_none_is_not_given() -> None:
    settings = ServerSettings.from_env(
        {"MAX_SERVE_PORT": "9000", "MAX_SERVE_HOST": "::1"}, port=9001, host=None
    )

    assert (settings.host, settings.port) == ("::1", 9001)


def test_malformed_variable_is_named() -> None:
    with pytest.raises(ValueError, match="MAX_SERVE_PORT='http': Input should be a valid integer"):
        ServerSettings.from_env({"MAX_SERVE_PORT": "http"})


def test_a_malformed_variable_does_not_matter_when_a_flag_wins() -> None:
    assert ServerSettings.from_env({"MAX_SERVE_PORT": "http"}, port=9001).port == 9001


@pytest.mark.parametrize(
    ("field", "value"),
    [("port", 65536), ("port", -1), ("max_request_bytes", 0), ("logs_console_level", "LOUD")],
)
def test_out_of_range_values_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        ServerSettings.from_env({}, **{field: value})


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="prot"):
        ServerSettings.from_env({}, prot=9000)
