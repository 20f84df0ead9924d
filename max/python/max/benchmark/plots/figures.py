"""The figures: each takes results and returns a figure, without any global state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from max.benchmark.compare import Named
from max.benchmark.metrics import METRICS
from max.benchmark.records import RequestRecord
from max.benchmark.result import Result
from max.benchmark.table import number

_RATE_WINDOW = 50  # parts of a run over which the rate of tokens is averaged
_BARS = ("output_throughput", "total_throughput", "ttft.p50", "tpot.p50", "itl.p99", "e2e.p50")
_WAITING, _FIRST, _STREAMING, _FAILED = "#c7c7c7", "#f28e2b", "#4e79a7", "#e15759"


def latency_distributions(results: Sequence[Named]) -> Figure:
    """Shares of requests and of gaps that took at most so long: TTFT and ITL."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    first, gaps = figure.subplots(1, 2)
    _draw_shares(first, results, "time to first token, ms", lambda record: _ttft(record))
    _draw_shares(gaps, results, "inter-token latency, ms", lambda record: record.gaps)
    return figure


def tokens_over_time(results: Sequence[Named]) -> Figure:
    """Chunks of answers per second, over the run."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots()
    for name, result in results:
        times = np.array(sorted(t for record in result.requests for t in record.chunk_times))
        if not times.size:
            continue
        counts, edges = np.histogram(times, bins=_RATE_WINDOW, range=(0, float(times[-1]) or 1.0))
        axes.stairs(counts / np.diff(edges), edges, label=name)
    axes.set(xlabel="seconds since the start", ylabel="chunks of answers per second")
    _finish(axes)
    return figure


def timeline(result: Result) -> Figure:
    """A bar for each request: waiting for a place, until its first token, streaming."""
    requests = result.requests
    height = min(40.0, 1.5 + 0.12 * len(requests))
    figure = Figure(figsize=(10, height), layout="constrained")
    axes = figure.subplots()
    drawn: set[str] = set()

    def bar(row: int, start: float, end: float, color: str, name: str) -> None:
        label = None if name in drawn else name
        drawn.add(name)
        axes.barh(row, end - start, left=start, height=0.8, color=color, label=label)

    for row, record in enumerate(requests):
        bar(row, record.arrival, record.sent, _WAITING, "waits for a place at the client")
        if not record.succeeded:
            bar(row, record.sent, record.end, _FAILED, "failed or unfinished")
        elif record.chunk_times:
            first = record.chunk_times[0]
            bar(row, record.sent, first, _FIRST, "until the first token: queue and prefill")
            bar(row, first, record.end, _STREAMING, "streams: decode")
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="seconds since the start", ylabel="request")
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def compared_numbers(results: Sequence[Named]) -> Figure:
    """The main numbers as bars."""
    figure = Figure(figsize=(12, 6), layout="constrained")
    for axes, key in zip(np.ravel(figure.subplots(2, 3)), _BARS, strict=True):
        metric = METRICS[key]
        values = [metric.of(result.summary) or 0.0 for _, result in results]
        bars = axes.bar([name for name, _ in results], values, color=_colors(len(results)))
        axes.bar_label(bars, [number(value) for value in values])
        axes.margins(y=0.12)
        better = "higher" if metric.higher_is_better else "lower"
        axes.set_title(f"{metric.title} ({better} is better)")
        axes.tick_params(axis="x", labelrotation=15)
    return figure


def _draw_shares(
    axes: Axes,
    results: Sequence[Named],
    title: str,
    seconds: Callable[[RequestRecord], list[float]],
) -> None:
    for name, result in results:
        done = [record for record in result.requests if record.succeeded]
        values = [value * 1000 for record in done for value in seconds(record)]
        if values:
            axes.ecdf(values, label=name)
    axes.set(xlabel=title, ylabel="share at most so long", ylim=(0, 1.02))
    axes.set_xlim(left=0)
    _finish(axes)


def _ttft(record: RequestRecord) -> list[float]:
    time = record.time_to_first_token
    return [] if time is None else [time]


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _colors(count: int) -> list[str]:
    return [f"C{i}" for i in range(count)]
