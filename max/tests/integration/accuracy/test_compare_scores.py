from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from integration.accuracy.compare_scores import EXIT_BELOW, EXIT_UNDECIDED, main, score_ratio


def write(path: Path, right: int, count: int = 320) -> Path:
    """The first `right` of so many questions are right by the lenient filter, none by the other."""
    rows = [
        {"doc_hash": f"q{i}", "filter": name, "exact_match": float(name == "lenient" and i < right)}
        for i in range(count)
        for name in ("strict", "lenient")
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_pairs_make_the_interval_narrow() -> None:
    """Of 320 questions 280 and 278 are right, 277 of them the same ones. By the normal
    approximation of the two scores alone the interval would be some 5 % wide on either side."""
    reference = {str(i): float(i < 280) for i in range(320)}
    ours = {str(i): float(3 <= i < 280 or i == 300) for i in range(320)}
    ratio = score_ratio(ours, reference)
    assert ratio.value == pytest.approx(278 / 280)
    assert 0.97 < ratio.low < ratio.value < ratio.high < 1.02


@pytest.mark.parametrize(
    ("right", "status", "word"),
    [(280, 0, "at least"), (230, EXIT_BELOW, "below"), (266, EXIT_UNDECIDED, "ask more")],
)
def test_verdicts(tmp_path: Path, right: int, status: int, word: str) -> None:
    reference = write(tmp_path / "reference.jsonl", 280)
    ours = write(tmp_path / "ours.jsonl", right)
    result = run(ours, reference, "--filter", "lenient")
    assert result.exit_code == status, result.output
    assert word in result.output
    assert f"ours {right / 320:.3f}, reference 0.875" in result.output


def test_mistakes(tmp_path: Path) -> None:
    reference = write(tmp_path / "reference.jsonl", 280)
    shorter = write(tmp_path / "ours.jsonl", 100, count=100)
    assert "100 and 320 of them, 100 in both" in run(shorter, reference).output
    assert "has no filter 'x'; it has" in run(shorter, reference, "--filter", "x").output
    assert "no scores of the metric 'acc'" in run(shorter, reference, "--metric", "acc").output
    assert "no question right" in run(reference, reference, "--filter", "strict").output
    assert run(tmp_path / "none", reference).exit_code == 1
