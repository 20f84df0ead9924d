"""Running the `max` command in this process or in a child."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from max.entrypoints.pipelines import main


@pytest.fixture
def run_max(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`run_max("serve", "--port", "0")` runs the command; logging is as before afterwards."""
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="max")

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def child_environment() -> dict[str, str]:
    """Environment in which a child process imports what this process can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
