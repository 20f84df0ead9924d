"""Each classic mistake with experts is found where it was made, and called by its name."""

# build: size = "medium"

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from integration.tools.debugging.comparison import TOLERANCES, Comparison
from integration.tools.debugging.diagnosis import diagnose
from integration.tools.debugging.expert_mistakes import EXPERT_MISTAKES
from integration.tools.debugging.mistakes import Mistake
from integration.tools.debugging.report import report
from integration.tools.debugging.sides import TorchSide, run_max, run_torch

PROMPT = tuple((7 * n + 5) % 251 for n in range(24))
# The others are slow.
EVERYDAY = ("no correction",)


@cache
def reference(model: str) -> TorchSide:
    return run_torch(cached_checkpoint(TINY_FAMILIES[model]), PROMPT)


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(each, id=each.name, marks=[] if each.name in EVERYDAY else [pytest.mark.slow])
        for each in EXPERT_MISTAKES
    ],
)
def test_mistake(mistake: Mistake, tmp_path: Path) -> None:
    folder = mistake.checkpoint(cached_checkpoint(TINY_FAMILIES[mistake.model]), tmp_path / "copy")
    with mistake.planted():
        ours = run_max(folder, PROMPT)
    comparison = Comparison(ours, reference(mistake.model), TOLERANCES["float32"])
    found = diagnose(comparison)
    assert found is not None
    text = report(comparison, found, every_tensor=False)
    assert found.layer == mistake.layer, text
    assert mistake.cause in [cause.name for cause in found.causes[:3]], text
