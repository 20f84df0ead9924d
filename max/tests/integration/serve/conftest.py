"""A server of the demo model, started as a user starts it."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.serve.server_process import ServerProcess, ready

SERVE_DEMO = ["max.entrypoints.pipelines", "serve", "--model", "demo"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the demo model, with an adapter, that all tests share."""
    with ready(
        [*SERVE_DEMO, "--enable-lora", "--lora-paths", "ahoy=demo"],
        tmp_path_factory.mktemp("server"),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: ServerProcess) -> Iterator[openai.OpenAI]:
    """The official client, talking to the server."""
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client
