from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.accuracy.verify import main
from integration.test_common.logit_files import write_logits
from integration.test_common.make_logits import make_results, shifted


def run_verify(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    write_logits(tmp_path / "ref.json", make_results(), with_logprobs=False)
    return tmp_path / "ref.json"


@pytest.fixture
def perturbed(tmp_path: Path) -> Path:
    write_logits(tmp_path / "bad.json", shifted(make_results(), 0.5), with_logprobs=True)
    return tmp_path / "bad.json"


def test_equal_files_pass(reference: Path) -> None:
    result = run_verify("--eval-metric", "cos,kl,tol", reference, reference)
    assert result.exit_code == 0
    assert "👍 passed" in result.output


def test_perturbed_file_fails(reference: Path, perturbed: Path) -> None:
    result = run_verify(perturbed, reference)
    assert result.exit_code == 2
    assert "👎 failed" in result.output


def test_threshold_can_be_raised(reference: Path, perturbed: Path) -> None:
    options = ["--kl-div-threshold", "0.5", "--absolute-tolerance", "0", "--diff-count", "1"]
    result = run_verify(*options, "--print-suggested-tolerances", perturbed, reference)
    assert result.exit_code == 0
    assert "suggested tolerances: --kl-div-threshold" in result.output


def test_paths_are_the_users(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(reference.parent))
    assert run_verify("ref.json", "ref.json").exit_code == 0


def test_files_that_cannot_be_compared(reference: Path, tmp_path: Path) -> None:
    write_logits(tmp_path / "short.json", make_results(["one"]), with_logprobs=False)
    result = run_verify(tmp_path / "short.json", reference)
    assert result.exit_code == 1
    assert "1 and 2 prompts" in result.output
    assert run_verify(tmp_path / "none.json", reference).exit_code == 1


@pytest.mark.parametrize(
    ("metric", "message"), [("ssim", "compares images"), ("cosine", "'cosine' is unknown")]
)
def test_other_metrics(reference: Path, metric: str, message: str) -> None:
    result = run_verify("--eval-metric", metric, reference, reference)
    assert result.exit_code == 2
    assert message in result.output


def test_help_has_an_example() -> None:
    assert "--eval-metric cos,kl,tol" in run_verify("--help").output
