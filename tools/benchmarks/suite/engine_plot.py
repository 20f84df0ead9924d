"""The picture of the report: for each row bars of ours and the peers, and the bound."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from max.benchmark.table import number
from tools.benchmarks.suite.engine_results import Numbers
from tools.benchmarks.suite.engines import Cell, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 3
_TITLE_WIDTH = 44
_OURS, _PEER = "#e15759", "#4e79a7"


def draw_rows(rows: Sequence[Row], numbers: Numbers) -> Figure:
    """One small diagram for each row of which something is known."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if any(numbers.rounds(cell) for cell in (row.ours, *row.peers))]
    lines = -(-len(shown) // _COLUMNS) or 1
    figure = Figure(figsize=(12, 2.4 * lines), layout="constrained")
    for place, row in enumerate(shown, start=1):
        axes = figure.add_subplot(lines, _COLUMNS, place)
        cells = [cell for cell in (row.ours, *row.peers) if numbers.rounds(cell)]
        values = [numbers.median(cell) or 0.0 for cell in cells]
        colors = [_OURS if cell == row.ours else _PEER for cell in cells]
        names = [Cell.parse(cell).engine for cell in cells]
        bars = axes.barh(range(len(cells)), values, color=colors)
        axes.set_yticks(range(len(cells)), names)
        axes.bar_label(bars, [number(value) for value in values], padding=2)
        bound = numbers.median(row.bound) if row.bound else None
        if bound is not None:
            axes.axvline(bound, color="black", linestyle="--", linewidth=1)
        axes.invert_yaxis()
        axes.margins(x=0.15)
        better = "less" if row.lower_is_better else "more"
        title = f"{row.title}, {row.unit} ({better} is better)"
        axes.set_title(textwrap.fill(title, _TITLE_WIDTH), fontsize=9)
    return figure
