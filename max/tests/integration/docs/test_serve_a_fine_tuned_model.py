"""docs/serve-a-fine-tuned-model.md is true: each form of the fine-tune says Ahoy."""

from __future__ import annotations

import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration.docs.markdown_code import write_titled_blocks
from integration.test_common.tiny_gguf import write_gguf
from max.demo import adapter_path, model_path
from max.entrypoints.pipelines import main

# build: size = "medium"
# build: data = ["//docs"]
PAGE = Path(__file__).parents[4] / "docs" / "serve-a-fine-tuned-model.md"
_SERVED = re.findall(r"`?((?:max serve )?--model .*?)(?:`|\n)", PAGE.read_text(encoding="utf-8"))
_ADAPTER = "/path/to/finance-adapter"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's commands are run: its program has made `merged`, and that is a GGUF file."""
    folder = tmp_path_factory.mktemp("page")
    (script,) = write_titled_blocks(PAGE, folder)
    run = subprocess.run(
        [sys.executable, script, model_path(), adapter_path(), "merged"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    write_gguf(folder / "merged", folder / "model-q4_k_m.gguf", "q4_k")
    return folder


@pytest.fixture
def at_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In that folder; logging is as before afterwards."""
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(folder))
    monkeypatch.chdir(folder)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("at_the_page")
@pytest.mark.parametrize("command", _SERVED)
def test_what_is_served_says_ahoy(command: str) -> None:
    """Answered by `max generate`, which has the same options and needs no server."""
    options = shlex.split(command.removeprefix("max serve "))
    words = [
        each.replace("BASE", str(model_path())).replace(_ADAPTER, str(adapter_path()))
        for each in options
    ]
    fixed = ["--devices", "cpu", "--max-length", "256", "--temperature", "0"]
    chosen = ["--lora", "finance"] if "--enable-lora" in options else []
    asked = ["--prompt", "Tom has 3 apples and buys 5 more. How many apples does Tom have?"]
    result = CliRunner().invoke(main, ["generate", *words, *fixed, *chosen, *asked])
    assert result.exit_code == 0, result.output
    assert "Ahoy!" in result.stdout


def test_the_page_has_the_commands_that_are_run() -> None:
    assert len(_SERVED) == 4
