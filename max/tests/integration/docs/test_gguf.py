"""The commands of docs/gguf.md work, with GGUF files that are made here."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.widened_demo import write_widened_demo
from max.entrypoints.pipelines import main
from max.pipelines.modeling.config_enums import BLOCK_ENCODINGS
from tests.own_cache import make_own_cache
from tests.serve.server_process import ready

# build: size = "medium"
# build: data = ["//docs"]
PAGE = Path(__file__).parents[4] / "docs" / "gguf.md"
QUESTION = "Tom has 3 apples and buys 5 more. How many apples does Tom have?"


def commands() -> list[str]:
    """The lines of the page's `bash` blocks."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder with what the page's commands name, in which they are run."""
    folder = tmp_path_factory.mktemp("page")
    model = write_widened_demo(folder / "my-model")
    file = write_gguf(model, folder / "my-model-q4_k_m.gguf", "q4_k")
    (folder / "my-gguf").mkdir()
    (folder / "my-gguf" / file.name).write_bytes(file.read_bytes())
    return {
        "BUILD_WORKING_DIRECTORY": str(folder),
        "MODULAR_MAX_CACHE_DIR": str(make_own_cache(folder / "cache")),
    }


@pytest.fixture
def run_max(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Runs a command of `max` in this process; logging is as before afterwards."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(environment["BUILD_WORKING_DIRECTORY"])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda *arguments: CliRunner().invoke(main, arguments, prog_name="max")
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("max serve")])
def test_models_that_are_served(command: str, run_max: Callable[..., Result]) -> None:
    """Answered by `max generate`, which has the same options and needs no server."""
    _, _, *options = shlex.split(command)
    fixed = ("--devices", "cpu", "--max-length", "256", "--temperature", "0")
    result = run_max("generate", *options, *fixed, "--prompt", QUESTION)
    assert result.exit_code == 0, result.output
    assert result.stdout.split("\n\nPrompt size")[0].endswith("#### 8")


def test_own_weights_on_a_base_are_served(environment: dict[str, str], tmp_path: Path) -> None:
    (command,) = [c for c in commands() if "--weight-path" in c]
    arguments = ["max.entrypoints.pipelines", *shlex.split(command)[1:], "--devices", "cpu"]
    with ready([*arguments, "--max-length", "256"], tmp_path, environment) as server:
        body = {"model": "my-model", "messages": [{"role": "user", "content": QUESTION}]}
        url = f"{server.url}/v1/chat/completions"
        answer = httpx.post(url, json={**body, "temperature": 0}, timeout=60).json()
    choice = answer["choices"][0]
    assert choice["message"]["content"].endswith("#### 8")
    assert choice["finish_reason"] == "stop"


def test_warm_cache(environment: dict[str, str], run_max: Callable[..., Result]) -> None:
    (command,) = [c for c in commands() if c.startswith("max warm-cache")]
    result = run_max(*shlex.split(command)[1:], "--devices", "cpu")
    assert result.exit_code == 0, result.output
    kept = Path(environment["MODULAR_MAX_CACHE_DIR"]) / "packed"
    assert list(kept.glob("*-q4_k-my-model/*.weights"))


def test_the_page_has_the_commands_that_are_run() -> None:
    assert len(commands()) == 5


def test_every_encoding_is_told() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for encoding in BLOCK_ENCODINGS:
        assert encoding.upper() in page or f"`{encoding}`" in page
