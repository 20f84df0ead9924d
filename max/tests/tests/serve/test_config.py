"""Tests of `max.serve.config`."""

from __future__ import annotations

from pathlib import Path

import pytest

from max.serve.config import SECRET_FIELDS, ServerSettings, _variable, forget_secrets
from max.serve.logs import LogSettings


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


@pytest.mark.parametrize(
    ("host", "ui", "served"),
    [
        ("127.0.0.1", None, True),
        ("127.1.2.3", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("192.168.0.1", None, False),
        ("example.com", None, False),
        ("0.0.0.0", "true", True),
        ("127.0.0.1", "false", False),
    ],
)
def test_page_is_served_on_loopback_hosts_unless_said_otherwise(
    host: str, ui: str | None, served: bool
) -> None:
    environ = {"MAX_SERVE_HOST": host} | ({} if ui is None else {"MAX_SERVE_UI": ui})

    assert ServerSettings.from_env(environ).serves_page is served


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="prot"):
        ServerSettings.from_env({}, prot=9000)


def test_variables_that_are_not_ours_alone_keep_their_names() -> None:
    settings = ServerSettings.from_env(
        {"MODULAR_STRUCTURED_LOGGING": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    )

    assert settings.structured_logging
    assert settings.otlp_endpoint == "http://collector:4318"


def test_empty_endpoint_is_none() -> None:
    assert ServerSettings.from_env({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}).otlp_endpoint is None


@pytest.mark.parametrize("endpoint", ["collector:4318", "grpc://collector:4317", "http://"])
def test_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"OTEL_EXPORTER_OTLP_ENDPOINT.*http://127\.0\.0\.1:4318"):
        ServerSettings.from_env({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})


def test_log_settings() -> None:
    settings = ServerSettings.from_env(
        {
            "MAX_SERVE_LOGS_CONSOLE_LEVEL": "WARNING",
            "MAX_SERVE_LOGS_FILE_PATH": "/var/log/max.log",
            "MAX_SERVE_LOGS_FILE_LEVEL": "DEBUG",
        },
        log_prefix="replica 1",
    )

    assert settings.logs == LogSettings(
        level="WARNING",
        prefix="replica 1",
        file_path=Path("/var/log/max.log"),
        file_level="DEBUG",
    )


def test_lists_are_separated_by_commas_in_the_environment() -> None:
    settings = ServerSettings.from_env(
        {
            "MAX_SERVE_API_KEY": "one, two",
            "MAX_SERVE_ALLOWED_ORIGINS": "https://a.example,http://localhost:3000",
            "MAX_SERVE_API_TYPES": "openai",
        }
    )

    assert [key.get_secret_value() for key in settings.api_key] == ["one", "two"]
    assert settings.allowed_origins == ["https://a.example", "http://localhost:3000"]
    assert settings.api_types == ["openai"]


def test_without_keys_and_origins_all_interfaces_are_there() -> None:
    settings = ServerSettings.from_env({})

    assert (settings.api_key, settings.allowed_origins) == ([], [])
    assert settings.api_types == ["openai", "sagemaker"]


@pytest.mark.parametrize("key", ["", "has space", "schlüssel", "line\nbreak", "good,"])
def test_keys_that_no_header_can_carry_are_refused_unseen(key: str) -> None:
    with pytest.raises(ValueError, match="MAX_SERVE_API_KEY") as from_variable:
        ServerSettings.from_env({"MAX_SERVE_API_KEY": key})
    with pytest.raises(ValueError, match="--api-key") as from_flag:
        ServerSettings.from_env({}, api_key=[key + " "])
    if key:
        assert key not in str(from_variable.value)
        assert key not in str(from_flag.value)


def test_keys_are_not_shown() -> None:
    assert "secret-key" not in repr(ServerSettings.from_env({}, api_key=["secret-key"]))


@pytest.mark.parametrize("origin", ["example.com", "https://example.com/", "https://a b", ""])
def test_origins_that_are_none_are_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="--allowed-origins"):
        ServerSettings.from_env({}, allowed_origins=[origin])


@pytest.mark.parametrize("field", sorted(set(ServerSettings.model_fields) - SECRET_FIELDS))
def test_an_empty_variable_is_not_set(field: str) -> None:
    assert ServerSettings.from_env({_variable(field): ""}) == ServerSettings.from_env({})


def test_keys_are_forgotten_once_they_are_read() -> None:
    environment = {"MAX_SERVE_API_KEY": "a", "MAX_SERVE_ADMIN_API_KEY": "b", "MAX_SERVE_PORT": "1"}

    forget_secrets(environment)
    forget_secrets(environment)

    assert environment == {"MAX_SERVE_PORT": "1"}
