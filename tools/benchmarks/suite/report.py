"""The report of a comparison: Markdown with a table and pictures for each scenario."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from max.benchmark.compare import Named, ratio
from max.benchmark.machine import Machine
from max.benchmark.result import Result, read_result
from max.benchmark.table import markdown, number
from tools.benchmarks.suite.plan import Column, Plan, Scenario, Servers
from tools.benchmarks.suite.rounds import Run, read_runs

_DPI = 90


@dataclass(frozen=True)
class Measured:
    """What one server did in one scenario.

    Attributes:
        runs: All runs.
        results: The results of those that have one.
    """

    runs: list[Run]
    results: list[Result]

    def values(self, column: Column) -> list[float]:
        """A metric in each round that has it."""
        found = []
        for result in self.results:
            summary = result.by_label.get(column.label) if column.label else result.summary
            value = None if summary is None else column.metric.of(summary)
            if value is not None:
                found.append(value)
        return found

    @property
    def typical(self) -> Result:
        """The result of the round with the median rate of tokens."""
        ordered = sorted(self.results, key=lambda result: result.summary.output_throughput)
        return ordered[len(ordered) // 2]


def write_report(plan: Plan, servers: Servers, results: Path, path: Path) -> None:
    """Writes the report, and its pictures into a folder of the same name beside it.

    Raises:
        ValueError: if there are no results yet.
    """
    runs = list(read_runs(results))
    machines = [read_result(results / run.result).machine for run in runs if run.result][-1:]
    if not machines:
        raise ValueError(f"there is no result in {results}: run the suite first")
    parts = [f"# {plan.title}", plan.introduction.strip(), _machine(machines[0], runs)]
    parts.append(_servers(servers, runs))
    for scenario in plan.scenarios:
        measured = _measured(scenario, servers, runs, results)
        if measured:
            parts += _section(scenario, next(iter(servers.servers)), measured)
            parts += _pictures(scenario, measured, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _measured(
    scenario: Scenario, servers: Servers, runs: Sequence[Run], results: Path
) -> dict[str, Measured]:
    measured = {}
    for name in servers.servers:
        own = [run for run in runs if (run.server, run.scenario) == (name, scenario.name)]
        if own:
            files = [results / run.result for run in own if run.result]
            measured[name] = Measured(own, [read_result(file) for file in files])
    return measured


def _machine(machine: Machine, runs: Sequence[Run]) -> str:
    rates = [run.bandwidth for run in runs]
    rounds = len({run.round for run in runs})
    counted = "1 round" if rounds == 1 else f"{rounds} rounds"
    return (
        f"Measured on {machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, "
        f"{machine.system}, Python {machine.versions['python']}; the client shares the cores with "
        f"the server. {counted}, in which the servers take turns; a cell is the median of "
        "the rounds, with the lowest and the highest. Before and after each load, reading main "
        f"memory with all cores gave {min(rates):.0f} to {max(rates):.0f} GB/s, "
        f"{statistics.median(rates):.0f} in the median."
    )


def _servers(servers: Servers, runs: Sequence[Run]) -> str:
    rows = []
    for name, kind in servers.servers.items():
        own = [run for run in runs if run.server == name]
        if own:
            rows.append(
                [
                    name,
                    kind.about or "-",
                    _spread([run.ready_seconds for run in own if run.ready_seconds is not None]),
                    _spread([run.memory_gib for run in own if run.memory_gib is not None]),
                ]
            )
    head = ["server", "about", "ready after, s", "memory, GiB"]
    return markdown(head, rows)


def _section(scenario: Scenario, ours: str, measured: Mapping[str, Measured]) -> list[str]:
    columns = scenario.columns()
    head = ["server", *(column.title for column in columns), "memory read, GB/s"]
    rows = [
        [
            name,
            *(_spread(each.values(column)) for column in columns),
            _spread([run.bandwidth for run in each.runs]),
        ]
        for name, each in measured.items()
    ]
    if ours in measured and len(measured) > 1:
        rows.append([f"{ours} / best other", *(_ratio(c, ours, measured) for c in columns), ""])
    failures = [
        f"- {name}, round {run.round}: {run.failure}"
        for name, each in measured.items()
        for run in each.runs
        if run.failure
    ]
    return [
        f"## {scenario.title}",
        f"Model {scenario.model}; settings: {_settings(scenario)}.",
        markdown(head, rows),
        "\n".join(["Failures:", "", *failures]) if failures else "",
        scenario.bounds.strip(),
    ]


def _settings(scenario: Scenario) -> str:
    return ", ".join(f"`{name}: {value}`" for name, value in scenario.settings.items())


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    middle = number(statistics.median(values))
    low, high = number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low} to {high})"


def _ratio(column: Column, ours: str, measured: Mapping[str, Measured]) -> str:
    """Our median as a multiple of the best median of the others."""
    medians = {
        name: statistics.median(values)
        for name, each in measured.items()
        if (values := each.values(column))
    }
    own = medians.pop(ours, None)
    best: Callable[..., float] = max if column.metric.higher_is_better else min
    return ratio(own, best(medians.values())) if medians else "-"


def _pictures(scenario: Scenario, measured: Mapping[str, Measured], path: Path) -> list[str]:
    named = [Named(name, each.typical) for name, each in measured.items() if each.results]
    if not named:
        return []
    from max.benchmark.plots import figures

    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "latency": figures.latency_distributions(named),
        "tokens": figures.tokens_over_time(named),
    }
    links = []
    for kind, figure in drawn.items():
        file = folder / f"{scenario.name}-{kind}.png"
        figure.savefig(file, dpi=_DPI)
        links.append(f"![{scenario.title}: {kind}]({folder.name}/{file.name})")
    return links
