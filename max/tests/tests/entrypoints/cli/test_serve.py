"""`max serve` hands settings and configuration to the server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from max.pipelines.config import PipelineConfig
from max.serve import server
from max.serve.config import ServerSettings

RunMax = Callable[..., Result]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ServerSettings, PipelineConfig]]:
    """What the server was started with."""
    calls: list[tuple[ServerSettings, PipelineConfig]] = []

    def serve(settings: ServerSettings, config: PipelineConfig) -> int:
        calls.append((settings, config))
        return 3

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setenv("MAX_SERVE_PORT", "8123")
    return calls


def test_flags_and_exit_code(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]]
) -> None:
    result = run_max(
        *("serve", "--model", "org/name", "--devices", "cpu", "--port", "9000"),
        *("--max-length", "64", "--no-enable-prefix-caching", "--allow-extra-request-fields"),
        *("--custom-architectures", "a", "--custom-architectures", "b:c"),
    )
    assert result.exit_code == 3, result.output
    [(settings, config)] = served
    assert settings.port == 9000
    assert config.model.model_path == "org/name"
    assert config.model.max_length == 64
    assert not config.model.kv_cache.enable_prefix_caching
    assert config.runtime.allow_extra_request_fields
    assert config.runtime.custom_architectures == ["a", "b:c"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_before_the_server_has_handlers(
    run_max: RunMax, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)

    def serve(*_: object) -> int:
        signal.raise_signal(number)
        return 3

    monkeypatch.setattr(server, "serve", serve)
    result = run_max("serve", "--model", "org/name", "--devices", "cpu")
    assert (result.exit_code, result.output) == (0, "")
    assert signal.getsignal(number) is before


def test_folder_that_is_no_model(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]], tmp_path: Path
) -> None:
    result = run_max("serve", "--model", str(tmp_path), "--devices", "cpu")
    assert result.exit_code == 1
    assert f"Error: {tmp_path} has no config.json" in result.stderr
    assert not served


def test_environment(run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]]) -> None:
    run_max("serve", "--model", "org/name", "--devices", "cpu")
    assert served[0][0].port == 8123


def test_log_level_holds_for_the_server(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]]
) -> None:
    run_max("--log-level", "WARNING", "serve", "--model", "org/name", "--devices", "cpu")
    run_max("serve", "--model", "org/name", "--devices", "cpu")
    assert [settings.logs_console_level for settings, _ in served] == ["WARNING", "INFO"]


def test_config_file(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]], tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("model:\n  model_path: org/name\n  max_length: 9\n")
    result = run_max("serve", "--config-file", str(file), "--max-length", "5", "--devices", "cpu")
    assert result.exit_code == 3, result.output
    assert (served[0][1].model.model_path, served[0][1].model.max_length) == ("org/name", 5)


def test_pretty_print_config(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]]
) -> None:
    result = run_max("serve", "--model", "org/name", "--devices", "cpu", "--pretty-print-config")
    assert "    model_path: org/name" in result.output
    assert len(served) == 1


def test_api_keys_are_taken_and_not_shown(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]]
) -> None:
    keys = ["--api-key", "secret-one", "--api-key", "secret-two"]
    result = run_max("serve", "--model", "o/n", "--devices", "cpu", "--pretty-print-config", *keys)
    assert [key.get_secret_value() for key in served[0][0].api_key] == ["secret-one", "secret-two"]
    assert "  api_key: [**********, **********]" in result.output
    assert "secret" not in result.output


def test_key_on_the_command_line_is_warned_of(
    run_max: RunMax,
    served: list[tuple[ServerSettings, PipelineConfig]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ("serve", "--model", "o/n", "--devices", "cpu")
    monkeypatch.setenv("MAX_SERVE_API_KEY", "secret")
    quiet = run_max(*command)
    assert [key.get_secret_value() for key in served[0][0].api_key] == ["secret"]
    assert "MAX_SERVE_API_KEY" not in os.environ
    assert "arguments" not in quiet.output

    warned = run_max(*command, "--admin-api-key", "secret")

    assert "MAX_SERVE_ADMIN_API_KEY" in warned.output
    assert "secret" not in warned.output


def test_interfaces_and_origins(
    run_max: RunMax, served: list[tuple[ServerSettings, PipelineConfig]]
) -> None:
    flags = ["--api-types", "openai", "--allowed-origins", "http://a", "--allowed-origins", "*"]
    run_max("serve", "--model", "o/n", "--devices", "cpu", *flags)
    assert served[0][0].api_types == ["openai"]
    assert served[0][0].allowed_origins == ["http://a", "*"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--api-key", "two words"], "an API key (--api-key) is empty or has a character"),
        (["--allowed-origins", "a.example/x"], "is not an origin (--allowed-origins)"),
        (["--api-types", "kserve"], "'kserve' is not one of 'openai', 'sagemaker'"),
        (["--model", "a", "--model-path", "b"], "model_path and model cannot both be specified"),
        (["--kv-connector", "tiered"], "--kv-connector) is not supported in this release"),
        (["--draft-model", "x"], "--draft-model) is not supported in this release"),
        (["--headless"], "--headless is not supported in this release"),
        (["--devices", "tpu"], "allowed: cpu, gpu"),
        (["--port", "70000"], "port (--port): Input should be less than or equal to 65535"),
        (["--max-batch-size", "0"], "--max-batch-size"),
        (["--config-file", "nowhere.yaml"], "does not exist"),
    ],
)
def test_bad_flags(
    run_max: RunMax,
    served: list[tuple[ServerSettings, PipelineConfig]],
    flags: list[str],
    message: str,
) -> None:
    defaults = [] if "--devices" in flags else ["--devices", "cpu"]
    result = run_max("serve", *defaults, *flags)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert served == []
