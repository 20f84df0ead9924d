"""Running the `max` command in this process or in a child."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random Llama with one token per byte and a chat template."""
    from integration.test_common.tiny_checkpoints import make_checkpoint
    from integration.test_common.tiny_models import TINY_MODELS

    return make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path_factory.mktemp("tiny") / "model")
