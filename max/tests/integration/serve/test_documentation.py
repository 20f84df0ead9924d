"""docs/serve-a-model.md is true: its code runs, and it tells every field and option."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from integration.docs.markdown_code import write_titled_blocks
from max.serve.config import ServerSettings
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.completion import CompletionRequest
from tests.serve.server_process import ServerProcess

# build: size = "medium"
# build: data = ["//docs"]
PAGE = Path(__file__).parents[4] / "docs" / "serve-a-model.md"
DOCUMENTED_URL = "http://127.0.0.1:8000"


def run_block(title: str, server: ServerProcess, folder: Path) -> str:
    """Runs a Python block of the page against our server; returns what it prints."""
    (script,) = [path for path in write_titled_blocks(PAGE, folder) if path.name == title]
    code = script.read_text(encoding="utf-8")
    assert DOCUMENTED_URL in code
    script.write_text(code.replace(DOCUMENTED_URL, server.url), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_chat_example_streams_the_answer(server: ServerProcess, tmp_path: Path) -> None:
    answer, tokens, _ = run_block("chat.py", server, tmp_path).rsplit("\n", 2)

    assert answer.endswith("#### 8")
    assert re.fullmatch(r"\d+ tokens", tokens)


def test_completion_example_runs(server: ServerProcess, tmp_path: Path) -> None:
    assert run_block("complete.py", server, tmp_path).strip()


@pytest.mark.parametrize("model", [ChatCompletionRequest, CompletionRequest])
def test_every_field_is_told(model: type[ChatCompletionRequest | CompletionRequest]) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in model.model_fields if f"`{name}`" not in page] == []


def test_every_server_option_is_told() -> None:
    page = PAGE.read_text(encoding="utf-8")
    flags = ["--" + name.replace("_", "-") for name in ServerSettings.model_fields]

    assert [flag for flag in flags if f"`{flag}`" not in page] == []
