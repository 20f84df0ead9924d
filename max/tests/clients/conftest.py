"""A server of the demo model for the libraries that people call servers with.

The libraries do not share an environment with the server: it is a program of its own.
"""

# build: data = ["//max/python/max/entrypoints:pipelines"]

from __future__ import annotations

import os
import re
import shlex
import subprocess
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

READY = re.compile(r"Server ready on (http://\S+)")
# Bazel's program; without Bazel it takes the server's own environment.
PROGRAM = Path(__file__).parents[2] / "python/max/entrypoints/pipelines"
COMMAND = "MAX_SERVER"
PACKAGE = Path(__file__).parents[2] / "python"

# A library that asks the network for its news is not what is tested.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"

# Without Bazel, in the server's own environment, most of the libraries are not there.
_LIBRARIES = {
    "test_instructor.py": "instructor",
    "llama_index": "llama_index",
    "test_langchain.py": "langchain_openai",
    "test_litellm.py": "litellm",
    "test_openai_agents.py": "agents",
    "test_pydantic_ai.py": "pydantic_ai",
}
collect_ignore = [test for test, library in _LIBRARIES.items() if find_spec(library) is None]


def pytest_configure(config: pytest.Config) -> None:
    """Warnings that other people's libraries give are theirs."""
    config.addinivalue_line("filterwarnings", "ignore")


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure() -> None:
    """Connections that they leave open, which are found last, too."""
    warnings.simplefilter("ignore")


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


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of the API of a server of the demo model, `http://127.0.0.1:PORT/v1`."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(PACKAGE)}
    arguments = ["serve", "--model", "demo", "--host", "127.0.0.1", "--port", "0"]
    arguments += ["--enable-structured-output"]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*server_command(), *arguments],
            env={**environment, "MAX_SERVE_METRICS_ENDPOINT_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None, "it is a pipe"
    try:
        found = next(filter(None, map(READY.search, process.stdout)), None)
        assert found, f"the server ended before it was ready:\n{log.read_text()}"
        yield f"{found[1]}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stdout.close()
