"""Each classic mistake is found where it was made, and called by its name."""

# build: size = "medium"

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.tools.debugging.comparison import TOLERANCES, Comparison
from integration.tools.debugging.diagnosis import diagnose
from integration.tools.debugging.mistakes import MISTAKES, Mistake
from integration.tools.debugging.report import report
from integration.tools.debugging.sides import TorchSide, run_max, run_torch

PROMPT = tuple((7 * n + 5) % 251 for n in range(24))


@cache
def reference(model: str) -> TorchSide:
    return run_torch(cached_checkpoint(EVERY_TINY_MODEL[model]), PROMPT)


def compare(folder: Path, model: str) -> Comparison:
    return Comparison(run_max(folder, PROMPT), reference(model), TOLERANCES["float32"])


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-qwen3-windows", "tiny-granite"])
def test_nothing_departs_without_a_mistake(model: str) -> None:
    comparison = compare(cached_checkpoint(EVERY_TINY_MODEL[model]), model)
    assert diagnose(comparison) is None
    assert len(comparison.rows) > 50
    assert "👍 none departs" in report(comparison, None, every_tensor=False)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake(mistake: Mistake, tmp_path: Path) -> None:
    folder = mistake.checkpoint(
        cached_checkpoint(EVERY_TINY_MODEL[mistake.model]), tmp_path / "copy"
    )
    with mistake.planted():
        comparison = compare(folder, mistake.model)
    found = diagnose(comparison)
    assert found is not None
    text = report(comparison, found, every_tensor=False)
    assert found.layer == mistake.layer, text
    assert mistake.cause in [cause.name for cause in found.causes[:3]], text
