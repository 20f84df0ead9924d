"""A server of the demo model as a program of its own, for tests in another environment than its."""

# build: data = ["//max/python/max/entrypoints:pipelines"]

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

READY = re.compile(r"Server ready on (http://\S+)")
# Bazel's program; without Bazel it takes the server's own environment.
PROGRAM = Path(__file__).parents[2] / "python/max/entrypoints/pipelines"
COMMAND = "MAX_SERVER"
PACKAGE = Path(__file__).parents[2] / "python"


def server_command() -> list[str]:
    """Returns what starts the server.

    Raises:
        RuntimeError: outside Bazel, if nothing says how.
    """
    if PROGRAM.exists():
        return [str(PROGRAM)]
    if COMMAND not in os.environ:
        raise RuntimeError(f"{COMMAND} has to say how the server is started: a path to `max`, say")
    return shlex.split(os.environ[COMMAND])


@contextmanager
def running_server(
    folder: Path, flags: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Runs a server on a free port; gives its URL, `http://127.0.0.1:PORT`, once it is ready.

    Args:
        folder: Where its log goes.
        flags: Of `max serve`, besides the usual ones.
        environment: Variables besides this process's.
    """
    log = folder / "server.log"
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(PACKAGE)}
    arguments = ["serve", "--model", "demo", "--host", "127.0.0.1", "--port", "0", *flags]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*server_command(), *arguments],
            env={**variables, "MAX_SERVE_METRICS_ENDPOINT_PORT": "0", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None, "it is a pipe"
    try:
        found = next(filter(None, map(READY.search, process.stdout)), None)
        assert found, f"the server ended before it was ready:\n{log.read_text()}"
        yield found[1]
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()
