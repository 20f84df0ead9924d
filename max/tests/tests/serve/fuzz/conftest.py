"""A server that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.server_process import ServerProcess, ready

MAX_REQUEST_BYTES = 100_000


@pytest.fixture(scope="session")
def short_server(
    model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server of the short model with a small limit of request bodies."""
    folder = tmp_path_factory.mktemp("short")
    environment = {"MAX_SERVE_MAX_REQUEST_BYTES": str(MAX_REQUEST_BYTES)}
    command = ["tests.serve.fuzz.short_server", str(model_folder)]
    with ready(command, folder, environment) as server:
        yield server
