"""A server of the demo model for clients' libraries, which are not installed beside it."""

from __future__ import annotations

import gc
import os
import re
import shlex
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

_READY = re.compile(r"Server ready on (http://\S+)")
_EXIT_TIMEOUT_S = 30
_ROOT = Path(__file__).parents[3]
# Where Bazel puts the program among a test's files.
_PROGRAM = Path("_main/max/python/max/entrypoints/pipelines")


def pytest_sessionfinish() -> None:
    """Libraries leave connections and event loops to the garbage collector: not our fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the API, as clients take it: ends with /v1.

    $MAX_COMMAND is the command `max` where it is not on the path: perhaps that of a virtual
    environment, `venv/bin/python -m max.entrypoints.pipelines`.
    """
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {
        **os.environ,
        "PYTHONPATH": str(_ROOT / "max/python"),
        "PYTHONUNBUFFERED": "1",
        "MAX_SERVE_HOST": "127.0.0.1",
        "MAX_SERVE_PORT": "0",
        "MAX_SERVE_METRICS_ENDPOINT_PORT": "0",
    }
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*_command(), "serve", "--model", "demo", "--devices", "cpu"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        ready = next((m for line in process.stdout if (m := _READY.search(line))), None)
        assert ready is not None, log.read_text(encoding="utf-8")
        yield f"{ready.group(1)}/v1"
    finally:
        process.terminate()
        process.wait(_EXIT_TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()


def _command() -> list[str]:
    program = Path(os.environ.get("TEST_SRCDIR", ".")) / _PROGRAM
    usual = str(program) if program.exists() else "max"
    return shlex.split(os.environ.get("MAX_COMMAND", usual))
