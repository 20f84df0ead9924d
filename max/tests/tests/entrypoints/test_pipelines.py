"""The `max` command as a whole."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from max.entrypoints.cli.group import MaxGroup
from max.entrypoints.cli.serve import cli_serve
from max.entrypoints.pipelines import main

RunMax = Callable[..., Result]


def test_documented_commands(run_max: RunMax) -> None:
    context = click.Context(main)
    names = ["serve", "generate", "encode", "list", "warm-cache", "benchmark"]
    assert main.list_commands(context) == names
    assert main.get_command(context, "serve") is cli_serve
    output = run_max("--help").output
    assert "max serve --model demo" in output


def test_a_command_is_imported_when_it_is_used_and_prepared_when_it_runs() -> None:
    done: list[str] = []

    def load() -> click.Command:
        done.append("imported")
        return click.Command("work", callback=lambda: done.append("run"))

    group = MaxGroup("max")
    group.add_later("work", load, before=lambda: done.append("prepared"))
    assert group.list_commands(click.Context(group)) == ["work"] and not done
    CliRunner().invoke(group, ["work", "--help"])
    assert done == ["imported"]
    CliRunner().invoke(group, ["work"])
    assert done == ["imported", "prepared", "run"]


def test_version(run_max: RunMax) -> None:
    from max import __version__

    assert run_max("--version").output == f"MAX {__version__}\n"


def test_unknown_command(run_max: RunMax) -> None:
    result = run_max("sevre")
    assert result.exit_code == 2
    assert (
        "Command not supported: sevre\n"
        "Supported commands: serve, generate, encode, list, warm-cache, benchmark" in result.output
    )


@pytest.mark.parametrize("name", ["warm-interpreter-cache"])
def test_commands_to_come(run_max: RunMax, name: str) -> None:
    result = run_max(name, "--model", "demo")
    assert result.exit_code == 2
    assert f"'max {name}' is not in this release" in result.output


@pytest.mark.parametrize("command", ["serve", "generate"])
def test_help_lists_only_what_works(run_max: RunMax, command: str) -> None:
    output = run_max(command, "--help").output
    assert f"max {command} --model demo" in output
    for flag in ("--model ", "--model-path", "--devices", "--max-batch-size", "--config-file"):
        assert flag in output
    for flag in ("--kv-connector", "--draft-model", "--headless"):
        assert flag not in output


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["--version"]])
def test_quick_commands_leave_heavy_libraries_alone(
    child_environment: dict[str, str], arguments: list[str]
) -> None:
    code = (
        "import sys\n"
        "from max.entrypoints.pipelines import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'starlette', 'zmq'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_module_is_runnable(child_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "max.entrypoints.pipelines", "serve", "--model", "./nowhere"],
        env=child_environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "model_path './nowhere' does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_relative_paths_start_where_bazel_run_was_called(
    run_max: RunMax, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["relative", *sys.path])
    called_from = tmp_path / "called-from"
    (called_from / "model").mkdir(parents=True)
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(called_from))
    result = run_max("generate", "--model", "model", "--devices", "cpu")
    assert f"{called_from / 'model'} has no config.json" in result.output
    assert sys.path[0] == str(tmp_path / "relative")


def test_output_that_nobody_reads_ends_quietly(
    run_max: RunMax, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    command = main.get_command(click.Context(main), "list")
    monkeypatch.setattr(command, "callback", write)
    monkeypatch.setattr(command, "params", [])
    result = run_max("list")
    assert (result.exit_code, result.output) == (1, "")
