"""Compares inference engines on this machine and writes the report.

python3 -m tools.benchmarks.compare_engines PLAN ENGINES --results DIR --report REPORT.md
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click

from tools.benchmarks.suite.engine_report import write_engine_report
from tools.benchmarks.suite.engine_rounds import EngineSuite
from tools.benchmarks.suite.engines import read_engine_plan, read_engines

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.argument("engines_file", metavar="ENGINES", type=_FILE)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for measurements and logs. What is there already is not measured again.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report of all rounds there, with a picture beside it.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Rounds that the results shall have; 0 only writes the report.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    default=math.inf,
    help="After so many no command begins any more; the next call goes on. By default all run.",
)
@click.option(
    "--only", "chosen", multiple=True, help="Only this ENGINE or ENGINE/COMMAND; repeatable."
)
def main(
    plan_file: Path,
    engines_file: Path,
    results: Path,
    report: Path | None,
    rounds: int,
    minutes: float,
    chosen: tuple[str, ...],
) -> None:
    """Run the commands of ENGINES, which take turns, and judge them by the targets of PLAN.

    PLAN is like tools/benchmarks/scenarios/cpu.yaml; ENGINES, like engines.example.yaml
    beside it, has the commands of this machine.
    """
    try:
        plan = read_engine_plan(plan_file)
        engines = read_engines(engines_file, plan)
        known = {
            name
            for engine, kind in engines.engines.items()
            for name in (engine, *(f"{engine}/{command}" for command in kind.commands))
        }
        if unknown := set(chosen) - known:
            raise ValueError(f"{', '.join(unknown)}: there are only {', '.join(sorted(known))}")
        EngineSuite(plan, engines, chosen, results, minutes, say=click.echo).run(rounds)
        if report is not None:
            write_engine_report(plan, engines, results, report)
            click.echo(f"Written: {report}")
    except ValueError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
