"""The scripted model, and a server of it that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from max.pipelines.lib.tokenizer import TextTokenizer
from tests.serve.scripted_model import write_model_folder
from tests.serve.server_process import ServerProcess, ready


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripted model's tokenizer and configuration. Do not change it."""
    return write_model_folder(tmp_path_factory.mktemp("scripted") / "model")


@pytest.fixture(scope="session")
def tokenizer(model_folder: Path) -> TextTokenizer:
    """The scripted model's tokenizer."""
    return TextTokenizer(model_folder)


@pytest.fixture(scope="session")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of the scripted model; tests leave it as they found it."""
    folder = tmp_path_factory.mktemp("server")
    environment = {"MAX_SERVE_MAX_REQUEST_BYTES": str(1_000_000)}
    with ready(["tests.serve.scripted_server", str(model_folder)], folder, environment) as server:
        yield server
