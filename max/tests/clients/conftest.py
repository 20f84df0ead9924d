"""A server of the demo model for the libraries that people call servers with.

The libraries do not share an environment with the server: it is a program of its own.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from clients.server_program import running_server

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


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of the API of a server of the demo model, `http://127.0.0.1:PORT/v1`."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, ["--enable-structured-output"]) as url:
        yield f"{url}/v1"
