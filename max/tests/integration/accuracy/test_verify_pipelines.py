"""The tool end to end, on tiny models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.accuracy.verify_pipelines import main
from integration.test_common.logit_files import write_logits
from integration.test_common.make_logits import make_results


def run_tool(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["--devices", "cpu", *map(str, arguments)])


def test_tiny_llama_is_ok(tmp_path: Path) -> None:
    verdicts, report = tmp_path / "verdicts.json", tmp_path / "report.md"
    result = run_tool(
        "--pipeline",
        "tiny-llama-float32",
        "--store-verdicts-json",
        verdicts,
        "--report",
        report,
        "--print-suggested-tolerances",
    )
    assert result.exit_code == 0, result.output
    assert "| ✅ | tiny-llama-float32 |" in result.output
    assert "suggested tolerances" in result.output
    entry = json.loads(verdicts.read_text())["tiny-llama-float32"]
    assert entry["status"] == "ok"
    assert entry["kl_div"] < 1e-9
    text = report.read_text()
    assert text.startswith("| Status | Model | KL Div | Diff |")
    assert "logit discrepancy report" in text


def test_wrong_reference_fails(tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    write_logits(golden, make_results(["Hi"]), with_logprobs=False)
    result = run_tool(
        "--pipeline", "tiny-llama-float32", "--override-pipeline-golden-location", golden
    )
    assert result.exit_code == 1
    # 17 logits against the model's 259
    assert "| ❌ | tiny-llama-float32 |  |  |" in result.output
    assert "logits of [17, 259] tokens" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pipeline", "tiny-lama-float32"], "nearest first: tiny-llama-float32"),
        (["--tags", "nothing"], "no pipeline is left"),
        (["--filter", "("], "unterminated"),
        (["--load-verdicts-json", "/nowhere.json"], "cannot read verdicts"),
        (["--override-pipeline-golden-location", "x.json"], "is for a single pipeline"),
        (["--devices", "tpu"], "tpu"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    result = run_tool(*arguments)
    assert result.exit_code == 1
    assert message in result.output


def test_help_has_examples() -> None:
    assert "--pipeline tiny-llama-float32 --devices cpu" in run_tool("--help").output
