"""Each classic mistake with an embedder is found where it was made, and called by its name."""

# build: size = "medium"

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from integration.test_common.tiny_embedders import EMBEDDERS, make_embedder
from integration.tools.debugging.comparison import TOLERANCES, Comparison
from integration.tools.debugging.diagnosis import diagnose
from integration.tools.debugging.embedder_mistakes import EMBEDDER_MISTAKES, EmbedderMistake
from integration.tools.debugging.report import report
from integration.tools.debugging.sides import run_max_embedder, run_torch_embedder

TEXT = tuple((7 * n + 5) % 251 for n in range(24))


def compare(family: str, folder: Path, mistake: EmbedderMistake | None = None) -> Comparison:
    make_embedder(family, folder)
    with nullcontext() if mistake is None else mistake.planted():
        ours = run_max_embedder(folder, TEXT)
    return Comparison(ours, run_torch_embedder(folder, TEXT), TOLERANCES["float32"])


@pytest.mark.parametrize("family", EMBEDDERS)
def test_nothing_departs_without_a_mistake(family: str, tmp_path: Path) -> None:
    comparison = compare(family, tmp_path / "model")
    assert diagnose(comparison) is None, report(comparison, None, every_tensor=True)
    labels = [row.label for row in comparison.rows]
    assert len(labels) > 20 and labels[-1] == "vector"


@pytest.mark.parametrize("mistake", EMBEDDER_MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake(mistake: EmbedderMistake, tmp_path: Path) -> None:
    comparison = compare(mistake.family, tmp_path / "model", mistake)
    found = diagnose(comparison)
    assert found is not None
    text = report(comparison, found, every_tensor=False)
    assert found.layer == mistake.layer, text
    assert found.causes[0].name == mistake.cause, text
