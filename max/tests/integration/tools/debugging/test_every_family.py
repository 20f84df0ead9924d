"""Every family's tiny models can be compared layer by layer, and none departs."""

# build: size = "large"

from __future__ import annotations

from pathlib import Path

import pytest

from integration.test_common.every_tiny_model import EVERY_TINY_MODEL
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.tools.debugging.comparison import TOLERANCES, Comparison
from integration.tools.debugging.diagnosis import diagnose
from integration.tools.debugging.report import report
from integration.tools.debugging.sides import run_max, run_torch


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY_TINY_MODEL)
def test_nothing_departs(name: str, tmp_path: Path) -> None:
    model = EVERY_TINY_MODEL[name]
    ours = run_max(make_checkpoint(model, tmp_path / "model"), [5, 9, 200, 31, 77, 12], num_steps=3)
    comparison = Comparison(ours, run_torch(tmp_path / "model", ours.tokens), TOLERANCES["float32"])
    found = diagnose(comparison)
    assert found is None, report(comparison, found, every_tensor=True)
    inside = [row.label for row in comparison.rows if row.label.startswith("layers.")]
    layers = {label.split(".")[1].partition("-")[0] for label in inside}
    assert len(layers) == model.num_hidden_layers
    assert len(comparison.rows) >= 12 * len(layers)
