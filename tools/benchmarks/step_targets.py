"""What steadier streams cost: one server with several `--target-step-ms`, beside other servers.

python3 -m tools.benchmarks.step_targets SERVERS --results DIR --report REPORT.md
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from max.benchmark.metrics import METRICS
from max.benchmark.result import read_result
from tools.benchmarks.suite.plan import Servers, read_plan, read_servers
from tools.benchmarks.suite.report import write_report
from tools.benchmarks.suite.rounds import Run, Suite, read_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PLAN = Path(__file__).parent / "scenarios" / "step_targets.yaml"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DPI = 90


def with_targets(servers: Servers, targets: Sequence[float]) -> Servers:
    """The servers, the first one once for each target."""
    first, *others = servers.servers
    kind = servers.servers[first]
    ours = {
        f"{first}, {target:g} ms" if target else f"{first}, none": msgspec.structs.replace(
            kind,
            about=f"{kind.about}, --target-step-ms {target:g}",
            models={
                name: msgspec.structs.replace(
                    model, command=f"{model.command} --target-step-ms {target:g}"
                )
                for name, model in kind.models.items()
            },
        )
        for target in targets
    }
    return msgspec.structs.replace(
        servers, servers=ours | {name: servers.servers[name] for name in others}
    )


def draw_trade(runs: Sequence[Run], results: Path, scenario: str) -> Figure:
    """The rate of tokens over the longest gaps of streams, medians of each server's rounds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name in dict.fromkeys(run.server for run in runs):
        found = [
            read_result(results / run.result).summary
            for run in runs
            if (run.server, run.scenario) == (name, scenario) and run.result
        ]
        if found:
            gaps = [METRICS["itl.p99"].of(summary) or 0.0 for summary in found]
            gap = statistics.median(gaps)
            rate = statistics.median(summary.output_throughput for summary in found)
            axes.plot([gap], [rate], "o")
            axes.annotate(name, (gap, rate), xytext=(5, 4), textcoords="offset points")
    axes.set_xlabel("99th percentile of the gaps between tokens, ms")
    axes.set_ylabel("tokens of answers per second")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.2)
    return figure


@click.command()
@click.argument("servers_file", metavar="SERVERS", type=_FILE)
@click.option(
    "--target",
    "targets",
    type=click.FloatRange(min=0),
    multiple=True,
    default=(0, 150, 250, 400),
    show_default=True,
    help="Of the first server, in milliseconds; repeatable.",
)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for results and logs; a later run adds its rounds to those there.",
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--rounds", type=click.IntRange(min=0), default=3, show_default=True)
@click.option("--server", "names", multiple=True, help="Only this other server; repeatable.")
@click.option("--scenario", "parts", multiple=True, help="Only this scenario; repeatable.")
def main(
    servers_file: Path,
    targets: tuple[float, ...],
    results: Path,
    report: Path,
    rounds: int,
    names: tuple[str, ...],
    parts: tuple[str, ...],
) -> None:
    """Run prompts that arrive beside streams, with several targets, and draw the trade."""
    plan, known = read_plan(_PLAN), read_servers(servers_file)
    if unknown := set(parts) - {scenario.name for scenario in plan.scenarios}:
        raise click.BadParameter(f"there is no scenario {', '.join(sorted(unknown))}")
    if parts:
        wanted = [scenario for scenario in plan.scenarios if scenario.name in parts]
        plan = msgspec.structs.replace(plan, scenarios=wanted)
    first, *others = known.servers
    kept = [first, *(name for name in others if not names or name in names)]
    chosen = {name: known.servers[name] for name in kept}
    servers = with_targets(msgspec.structs.replace(known, servers=chosen), targets)
    Suite(plan.scenarios, servers, _PLAN.parent, results, say=click.echo).run(rounds)
    write_report(plan, servers, results, report)
    picture = report.with_suffix("") / "trade.png"
    scenario = plan.scenarios[0].name
    draw_trade(list(read_runs(results)), results, scenario).savefig(picture, dpi=_DPI)
    with report.open("a", encoding="utf-8") as page:
        page.write(f"\n![Rate and gaps]({picture.parent.name}/{picture.name})\n")
    click.echo(f"Written: {report}")


if __name__ == "__main__":
    sys.exit(main())
