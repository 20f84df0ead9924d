"""Compares servers and writes the report.

python3 -m tools.benchmarks.compare_servers PLAN SERVERS --results DIR --report REPORT.md
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from tools.benchmarks.suite.plan import read_plan, read_servers
from tools.benchmarks.suite.report import write_report
from tools.benchmarks.suite.rounds import Suite

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.argument("servers_file", metavar="SERVERS", type=_FILE)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for results and logs; a later run adds its rounds to those there.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report of all rounds there, with pictures beside it.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="How often each server has its turn; 0 only writes the report.",
)
@click.option("--server", "names", multiple=True, help="Only this server; repeatable.")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario; repeatable.")
def main(
    plan_file: Path,
    servers_file: Path,
    results: Path,
    report: Path | None,
    rounds: int,
    names: tuple[str, ...],
    scenarios: tuple[str, ...],
) -> None:
    """Run the scenarios of PLAN on the servers of SERVERS, which take turns.

    PLAN is like tools/benchmarks/scenarios/serving.yaml; SERVERS, like servers.example.yaml
    beside it, says how servers are started on this machine. The first server is compared with
    the others.
    """
    try:
        plan, servers = read_plan(plan_file), read_servers(servers_file)
        for given, known in (
            (names, set(servers.servers)),
            (scenarios, {scenario.name for scenario in plan.scenarios}),
        ):
            if unknown := set(given) - known:
                raise ValueError(f"{', '.join(unknown)}: there are only {', '.join(known)}")
        chosen = [s for s in plan.scenarios if not scenarios or s.name in scenarios]
        kinds = {name: kind for name, kind in servers.servers.items() if not names or name in names}
        suite = Suite(
            chosen,
            msgspec.structs.replace(servers, servers=kinds),
            plan_file.parent,
            results,
            say=click.echo,
        )
        suite.run(rounds)
        if report is not None:
            write_report(plan, servers, results, report)
            click.echo(f"Written: {report}")
    except ValueError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
