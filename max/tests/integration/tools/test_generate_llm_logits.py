"""The tool end to end, on a tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from integration.test_common.logit_files import read_logits, write_logits
from integration.test_common.test_data import DEFAULT_PROMPTS
from integration.tools import generate_llm_logits
from integration.tools.generate_llm_logits import main, output_path
from integration.tools.logit_run import LogitRun


def run_tool(*arguments: str | Path) -> Result:
    """Runs the command in this process, on the CPU."""
    return CliRunner().invoke(main, ["--device", "cpu", *map(str, arguments)])


def assert_runs(*arguments: str | Path) -> Result:
    """Runs the command and expects success."""
    result = run_tool(*arguments)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def torch_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference's logits of tiny-llama."""
    path = tmp_path_factory.mktemp("logits") / "torch.json"
    assert_runs("--framework", "torch", "--pipeline", "tiny-llama", "-o", path)
    return path


def test_max_and_torch_agree(torch_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "max.json"
    assert_runs("--framework", "max", "--pipeline", "tiny-llama", "-o", path)
    mine, theirs = read_logits(path), read_logits(torch_file)
    assert [r.prompt for r in mine] == [r.prompt for r in theirs] == list(DEFAULT_PROMPTS)
    for a, b in zip(mine, theirs, strict=True):
        assert a.tokens == b.tokens
        assert len(a.tokens) == 10
        for x, y in zip(a.values, b.values, strict=True):
            np.testing.assert_allclose(x.logits, y.logits, atol=1e-4)


@pytest.mark.parametrize("framework", ["max", "torch"])
def test_reference_tokens_are_followed(torch_file: Path, tmp_path: Path, framework: str) -> None:
    """The first token is replaced by an unlikely one: the logits after it must change."""
    (original,) = read_logits(torch_file)[:1]
    first = original.values[0]
    unlikely = int(first.logits.argmin())
    forced = [type(first)(unlikely, first.logits), *original.values[1:3]]
    write_logits(
        tmp_path / "ref.json", [type(original)(original.prompt, forced)], with_logprobs=False
    )
    path = tmp_path / "forced.json"
    arguments: list[str | Path] = [
        "--pipeline",
        "tiny-llama",
        "-r",
        tmp_path / "ref.json",
        "-o",
        path,
    ]
    assert_runs("--framework", framework, *arguments)
    (result,) = read_logits(path)
    assert result.tokens == [unlikely, *original.tokens[1:3]]
    np.testing.assert_allclose(result.values[0].logits, first.logits, atol=1e-4)
    assert np.abs(result.values[1].logits - original.values[1].logits).max() > 0.1


def test_mini_with_log_probabilities_and_print(tmp_path: Path) -> None:
    path = tmp_path / "mini.json"
    options: list[str | Path] = [
        "--mini",
        "--generate-logprobs",
        "--print",
        "--encoding",
        "bfloat16",
        "-o",
        path,
    ]
    result = assert_runs("--framework", "max", "--pipeline", "tiny-qwen2", *options)
    (entry,) = json.loads(path.read_text())
    assert entry["prompt"] == DEFAULT_PROMPTS[0]
    (value,) = entry["values"]
    assert value["next_token_logprobs"] < 0
    assert value["logprobs"]["shape"] == value["logits"]["shape"]
    assert f"token {value['next_token']}," in result.output


def test_any_checkpoint_folder(tmp_path: Path) -> None:
    from integration.test_common.tiny_checkpoints import make_checkpoint
    from integration.test_common.tiny_models import TINY_MODELS

    folder = make_checkpoint(TINY_MODELS["tiny-llama-gqa8"], tmp_path / "mine")
    path = tmp_path / "out.json"
    assert_runs("--framework", "max", "--pipeline", folder, "--mini", "-o", path)
    assert len(read_logits(path)) == 1


def test_unknown_pipeline() -> None:
    result = run_tool("--framework", "max", "--pipeline", "tiny-lama", "-o", "/nowhere/x.json")
    assert result.exit_code == 1
    assert "unknown pipeline 'tiny-lama'" in result.output


def test_too_many_steps(tmp_path: Path) -> None:
    options: list[str | Path] = ["--num-steps", "600", "-o", tmp_path / "x.json"]
    result = run_tool("--framework", "max", "--pipeline", "tiny-llama", *options)
    assert result.exit_code == 1
    assert "length limit is reached" in result.output


def test_output_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    run = LogitRun(pipeline="owner/name", framework="torch")
    assert output_path("a.json", run) == tmp_path / "a.json"
    assert output_path("/b/a.json", run) == Path("/b/a.json")
    for default in (output_path(None, run), output_path("tmp/", run)):
        assert default.parent == tmp_path / "tmp"
        assert default.name.endswith("_owner_name_torch.json")


def test_help_when_started_as_a_file() -> None:
    """The documented `python3 .../generate_llm_logits.py`, with our folders not on PYTHONPATH."""
    others = [path for path in sys.path if not path.endswith(("max/python", "max/tests"))]
    done = subprocess.run(
        [sys.executable, str(generate_llm_logits.__file__), "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(others)},
    )
    assert done.returncode == 0, done.stderr
    assert "tiny-llama-gqa8" in done.stdout
    assert "--framework max --pipeline tiny-llama" in done.stdout
