"""What a user sees of an error."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from max.entrypoints.cli.errors import raise_user_error
from max.pipelines.config import ConfigurationError, ModelSourceError
from max.pipelines.lib import PIPELINE_REGISTRY
from max.pipelines.lib.custom_architectures import load_custom_architectures


def shown(call: Callable[[], object]) -> click.ClickException:
    """The message for the error that a call raises."""
    try:
        call()
    except Exception as error:
        with pytest.raises(click.ClickException) as caught:
            raise_user_error(error)
        return caught.value
    raise AssertionError("the call raised nothing")


def fail(error: Exception) -> Callable[[], object]:
    def call() -> None:
        raise error

    return call


def make_package(folder: Path, name: str, text: str) -> str:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(text)
    return f"{folder}:{name}"


def test_configuration_errors_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    error = shown(fail(ConfigurationError("max_length is wrong")))
    assert (error.exit_code, error.message) == (2, "max_length is wrong")
    assert capsys.readouterr().err == ""


def test_missing_files() -> None:
    error = shown(fail(ModelSourceError("no config.json")))
    assert (error.exit_code, error.message) == (1, "no config.json")


def test_other_errors_say_how_to_see_more() -> None:
    error = shown(fail(ValueError("No architecture found for X")))
    assert error.exit_code == 1
    assert error.message.startswith("No architecture found for X\n(--log-level DEBUG shows")


def test_what_a_file_says_does_not_steer_the_terminal() -> None:
    error = shown(fail(ModelSourceError("a\nb \x1b[2J\x07 \u202e ü")))
    assert error.message == "a\nb \\x1b[2J\\x07 \\u202e ü"


def test_traceback_when_debugging(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    logging.getLogger().manager.loggerDict  # noqa: B018 - the cache below belongs to the root
    monkeypatch.setattr(logging.getLogger(), "_cache", {})
    error = shown(fail(ValueError("wrong")))
    assert error.message == "wrong"
    assert "in call\n" in capsys.readouterr().err


def test_bugs_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        raise_user_error(ZeroDivisionError())


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("broken_import_package", "import torchh_does_not_exist\n", "import torchh_does_not_exist"),
        ("broken_value_package", "int('x')\n", "int('x')"),
        ("broken_name_package", "undefined_name\n", "undefined_name"),
    ],
)
def test_error_inside_a_package_is_shown_with_its_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    line: str,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    spec = make_package(tmp_path, name, text)
    error = shown(lambda: load_custom_architectures(spec))
    assert error.message.startswith("the architecture package cannot be imported: ")
    stderr = capsys.readouterr().err
    assert f'{name}/__init__.py", line 1' in stderr
    assert line in stderr
    assert "importlib" not in stderr


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("empty_package", "", "did not expose an `ARCHITECTURES` list"),
        ("wrong_package", "ARCHITECTURES = 3\n", "did not expose an `ARCHITECTURES` list"),
    ],
)
def test_malformed_package_is_a_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    message: str,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    spec = make_package(tmp_path, name, text)
    error = shown(lambda: load_custom_architectures(spec))
    assert message in error.message
    assert capsys.readouterr().err == ""


def test_missing_package_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    error = shown(lambda: load_custom_architectures(f"{tmp_path}:package_that_is_missing"))
    assert "Failed to import custom model from" in error.message


def test_error_of_a_custom_model_shows_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "custom_package_that_raises"
    text = """
from max.pipelines.architectures.llama3.arch import llama_arch
ARCHITECTURES = [llama_arch]
def load():
    raise ValueError("no such layer")
"""
    PIPELINE_REGISTRY.import_custom_architectures([make_package(tmp_path, name, text)])
    error = shown(importlib.import_module(name).load)
    PIPELINE_REGISTRY.reset()
    assert error.message == "the architecture package failed: ValueError: no such layer"
    assert 'raise ValueError("no such layer")' in capsys.readouterr().err
