"""Writes the figures of results into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from max.benchmark.compare import Named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 110


def write_plots(results: Sequence[Named], folder: Path) -> list[Path]:
    """Draws one result, or several over each other, as PNG files; makes the folder.

    Returns:
        The files.
    """
    from max.benchmark.plots import figures  # matplotlib takes a while to import

    drawn: dict[str, Figure] = {
        "latency": figures.latency_distributions(results),
        "tokens_over_time": figures.tokens_over_time(results),
    }
    if len(results) == 1:
        drawn["timeline"] = figures.timeline(results[0].result)
    else:
        drawn["comparison"] = figures.compared_numbers(results)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in drawn.items():
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=_DPI)
        paths.append(path)
    return paths
