# build: data = ["//docs"]

from __future__ import annotations

import pytest

from max.pipelines.lib.registry import PIPELINE_REGISTRY
from tools.update_supported_models import main, page


@pytest.mark.slow  # lint says so earlier; whoever adds a family may write the pages at the end
def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """After a change of a registration: python3 -m tools.update_supported_models."""
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_every_architecture_has_a_row() -> None:
    architectures = PIPELINE_REGISTRY.all_architectures()
    text = page(architectures)
    for each in architectures:
        start = f"| {each.family} | `{each.name}` | {each.task.value.replace('_', ' ')} |"
        (row,) = (line for line in text.splitlines() if line.startswith(start))
        cells = row.strip("|").split(" | ")
        assert cells[4], f"{each.package} has no docstring"
        assert all(repo in cells[5] for repo in each.example_repo_ids)
