"""The report of engines: a table of targets, all numbers, profiles, a picture."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from max.benchmark.machine import describe_machine
from max.benchmark.table import markdown, number
from tools.benchmarks.suite.engine_plot import draw_rows
from tools.benchmarks.suite.engine_results import Numbers, Verdict
from tools.benchmarks.suite.engine_rounds import Measurement, read_measurements
from tools.benchmarks.suite.engines import Cell, EnginePlan, Engines, Row, Target

_DPI = 80
_METRICS = "Rates are tokens per second, `ttft` milliseconds, `gb` 10^9 bytes; -: not measured."
_SHOWN = (
    "prefill_512",
    "ttft_128",
    "decode_128",
    "decode_2048",
    "streams_8",
    "streams_16",
    "load_seconds",
    "start_seconds",
    "peak_gb",
)


def write_engine_report(plan: EnginePlan, engines: Engines, results: Path, path: Path) -> None:
    """Writes the report, and its picture beside it.

    Raises:
        ValueError: if there are no results yet.
    """
    measurements = list(read_measurements(results))
    if not measurements:
        raise ValueError(f"there is no result in {results}: run it first")
    numbers = Numbers.of(measurements)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = path.with_suffix(".png")
    draw_rows(plan.rows, numbers).savefig(picture, dpi=_DPI)
    parts = [
        f"# {plan.title}",
        plan.introduction.strip(),
        _machine(measurements),
        "## Targets",
        _targets(plan.rows, numbers),
        f"![Ours and the peers' numbers, row by row]({picture.name})",
        *(f"**{row.title}.** {row.note.strip()}" for row in plan.rows if row.note),
        "## Engines",
        _METRICS,
        _engines(engines, numbers),
        *_profiles(measurements),
        *_failures(measurements),
        plan.conclusion.strip(),
    ]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _machine(measurements: Sequence[Measurement]) -> str:
    machine = describe_machine()
    rates = [rate for measurement in measurements for rate in measurement.bandwidth]
    rounds = len({measurement.round for measurement in measurements})
    counted = "1 round" if rounds == 1 else f"{rounds} rounds"
    return (
        f"Measured on {machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, "
        f"{machine.system}, Python {machine.versions['python']}. {counted}, in which the engines "
        "take turns; a number is the median of the rounds, a ratio or share the median of those "
        "within a round. Before and after each command, reading main memory with all cores gave "
        f"{min(rates):.0f} to {max(rates):.0f} GB/s, {statistics.median(rates):.0f} in the median."
    )


def _targets(rows: Iterable[Row], numbers: Numbers) -> str:
    head = ["work", "ours", "peers", "ratio to the best", "bound", "of the bound", "target", "met"]
    cells = []
    for row in rows:
        bound = numbers.median(row.bound) if row.bound else None
        share = numbers.quotient(row.ours, row.bound) if row.bound else None
        ratio = numbers.ratio(row)
        peers = [
            f"{Cell.parse(peer).engine} {number(value)}"
            for peer in row.peers
            if (value := numbers.median(peer)) is not None
        ]
        verdicts = numbers.verdicts(row)
        cells.append(
            [
                f"{row.title}, {row.unit}",
                _spread(numbers.rounds(row.ours).values()),
                "; ".join(peers) or "-",
                "-" if ratio is None else f"{ratio:.2f}x",
                "-" if bound is None else number(bound),
                "-" if share is None else f"{share:.0%}",
                "; ".join(_target(row, verdict.target) for verdict in verdicts),
                "; ".join(map(_met, verdicts)),
            ]
        )
    return markdown(head, cells)


def _target(row: Row, target: Target) -> str:
    sign = "≤" if row.lower_is_better else "≥"
    if target.share is not None:
        return f"{sign} {target.share:.0%} of the bound"
    if target.value is not None:
        return f"{sign} {target.value:g} {row.unit}"
    assert target.ratio is not None, "read_engine_plan has checked it"
    peer = target.peer or "the best"
    return f"ahead of {peer}" if target.ratio == 1 else f"≥ {target.ratio:g}x {peer}"


def _met(verdict: Verdict) -> str:
    return {True: "yes", False: "**no**", None: "not measured"}[verdict.is_met]


def _engines(engines: Engines, numbers: Numbers) -> str:
    rows = [
        [name, engine.about, *(_spread(numbers.rounds(Cell(name, key)).values()) for key in _SHOWN)]
        for name, engine in engines.engines.items()
        if any(cell.engine == name for cell in numbers.values)
    ]
    return markdown(["engine", "about", *_SHOWN], rows)


def _profiles(measurements: Iterable[Measurement]) -> list[str]:
    """Where a decoding step's time goes, of the last measurement of each engine that tells."""
    latest = {m.engine: m for m in measurements if m.profile}
    if not latest:
        return []
    parts = ["## Where a decoding step's time goes"]
    for engine, measurement in latest.items():
        parts += [f"### {engine}", _profile(measurement)]
    return parts


def _profile(measurement: Measurement) -> str:
    step = measurement.metrics["profile_step"]
    rate = measurement.metrics["profile_bandwidth"]
    head = ["kernel", "weights", "calls", "ms", "time", "MB", "GB/s", "of the memory's rate"]
    rows = []
    rest = step
    for op in measurement.profile:
        milliseconds, nbytes = op["seconds"] * 1e3, op["nbytes"]
        rest -= milliseconds
        reached = nbytes / op["seconds"] / 1e9 if op["seconds"] else 0.0
        rows.append(
            [
                op["op"],
                op["weights"],
                str(op["calls"]),
                f"{milliseconds:.3f}",
                f"{milliseconds / step:.1%}",
                f"{nbytes / 1e6:.1f}",
                f"{reached:.1f}",
                f"{reached / rate:.0%}",
            ]
        )
    rows.append(
        ["all else (Python, sampling)", "", "", f"{rest:.3f}", f"{rest / step:.1%}", *[""] * 3]
    )
    rows.append(["sum", "", "", f"{step:.3f}", "100.0%", *[""] * 3])
    return f"Memory was read at {rate:.1f} GB/s.\n\n" + markdown(head, rows)


def _failures(measurements: Sequence[Measurement]) -> list[str]:
    """Of commands that no later call has brought to an end."""
    done = {(m.round, m.engine, m.command) for m in measurements if m.failure is None}
    failed = {
        key: m.failure
        for m in measurements
        if m.failure is not None and (key := (m.round, m.engine, m.command)) not in done
    }
    if not failed:
        return []
    lines = [f"- {engine}, {name}, round {n}: {why}" for (n, engine, name), why in failed.items()]
    return ["## Failures", "\n".join(lines)]


def _spread(found: Iterable[float]) -> str:
    values = list(found)
    if not values:
        return "-"
    low, middle, high = (number(f(values)) for f in (min, statistics.median, max))
    return middle if low == high else f"{middle} ({low} to {high})"
