"""Results beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from max.benchmark.metrics import COMPARED, METRICS, Metric
from max.benchmark.result import Result, read_result
from max.benchmark.statistics import Summary
from max.benchmark.table import aligned, number

# Settings that say where the server is and what the run is called, not what was measured.
_NOT_COMPARED = frozenset({"base_url", "label", "model", "tokenizer"})


class Named(NamedTuple):
    """A result and the name of its column."""

    name: str
    result: Result


def read_named(paths: Sequence[Path]) -> list[Named]:
    """Reads results; each is named by its label, else by its file, and never two alike.

    Raises:
        ValueError: if a file is no result.
    """
    named: list[Named] = []
    for path in paths:
        result = read_result(path)
        name = result.settings.label or path.stem
        if any(name == other.name for other in named):
            name = str(path)
        named.append(Named(name, result))
    return named


def comparison(results: Sequence[Named]) -> str:
    """A table of the results with ratios to the first one, for a terminal."""
    parts = []
    if warning := _different_settings(results):
        parts.append(warning)
    parts.append(_table([(name, result.summary) for name, result in results]))
    first = results[0].result
    for label in first.by_label:
        found = [(name, r.by_label[label]) for name, r in results if label in r.by_label]
        parts.append(f"-- {label} --\n{_table(found)}")
    return "\n\n".join(parts)


def _table(summaries: Sequence[tuple[str, Summary]]) -> str:
    blocks = []
    for higher in (True, False):
        title = "higher is better" if higher else "lower is better"
        rows = [_head(title, [name for name, _ in summaries])]
        for key in COMPARED:
            metric = METRICS[key]
            if metric.higher_is_better is higher:
                rows += _row(metric, [summary for _, summary in summaries])
        blocks.append(aligned(rows))
    return "\n\n".join(blocks)


def _head(title: str, names: Sequence[str]) -> list[str]:
    head = [title, names[0]]
    for name in names[1:]:
        head += [name, "ratio"]
    return head


def _row(metric: Metric, summaries: Sequence[Summary]) -> list[list[str]]:
    values = [metric.of(summary) for summary in summaries]
    if not any(values):
        return []
    row = [metric.title]
    for i, value in enumerate(values):
        row.append("-" if value is None else number(value))
        if i > 0:
            row.append(ratio(value, values[0]))
    return [row]


def ratio(value: float | None, base: float | None) -> str:
    """How many times `base` a value is."""
    return "-" if value is None or not base else f"{value / base:.2f}x"


def _different_settings(results: Sequence[Named]) -> str:
    """Names the settings that differ: a comparison of different work may mislead."""
    settings = [msgspec.structs.asdict(result.settings) for _, result in results]
    rows = [
        [name, *(str(each[name]) for each in settings)]
        for name in settings[0]
        if name not in _NOT_COMPARED and any(each[name] != settings[0][name] for each in settings)
    ]
    if not rows:
        return ""
    return "The runs differ in more than their server:\n" + aligned(
        [["setting", *(name for name, _ in results)], *rows]
    )
