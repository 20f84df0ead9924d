"""Runs `max` in this process and holds what a user sees of a refusal against what they need."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

# The command line finds these by name.
# build: deps = ["//max/python/max/pipelines/architectures"]
from max.entrypoints.pipelines import main
from max.pipelines.lib import PIPELINE_REGISTRY

FAILURE = 1
USAGE_ERROR = 2
LONGEST_MESSAGE = 12_000


def run_max(*arguments: str) -> Result:
    """Runs the command; logging and registry are as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(main, arguments, prog_name="max")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        PIPELINE_REGISTRY.reset()


def generate(model: Path | str, *flags: str) -> Result:
    """`max generate` with a prompt of one byte."""
    fixed = ("--prompt", "x", "--max-new-tokens", "1", "--devices", "cpu")
    return run_max("generate", "--model", str(model), *fixed, *flags)


def refusal(result: Result, *told: str, exit_code: int = FAILURE) -> str:
    """The message of a command that was refused.

    Args:
        result: of `run_max`.
        told: texts that the message must have, in this order.
        exit_code: what the process must end with.
    """
    assert result.exit_code == exit_code, result.output
    before, *messages = re.split("^Error: ", result.stderr, flags=re.MULTILINE)
    assert len(messages) == 1, result.stderr
    (message,) = messages
    assert "Traceback" not in before
    assert result.stdout == ""
    position = 0
    for text in told:
        found = message.find(text, position)
        assert found >= 0, f"{text!r} is not told, or not in its place, in: {message}"
        position = found + len(text)
    return message


def assert_answered_or_refused(
    model: Path,
    name: str,
    flags: Sequence[str] = (),
    exit_codes: Collection[int] = (0, FAILURE, USAGE_ERROR),
) -> None:
    """`max generate` with a model that is called so here, good or not."""
    result = generate(model, *flags)
    assert result.exit_code in exit_codes, f"{name}: {result.stderr}"
    assert result.exception is None or isinstance(result.exception, SystemExit), name
    assert "Traceback" not in result.stderr, name
    assert len(re.split("^Error: ", result.stderr, flags=re.MULTILINE)[-1]) < LONGEST_MESSAGE, name


def copy_model(model: Path, folder: Path, without: tuple[str, ...] = ()) -> Path:
    """A copy of a model's folder, some files left out."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns(*without))
    return folder


def edit_json(path: Path, changes: Mapping[str, Any], without: tuple[str, ...] = ()) -> None:
    """Changes top-level values of a JSON file."""
    content = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    kept = {name: value for name, value in content.items() if name not in without}
    path.write_text(json.dumps(kept), encoding="utf-8")
