"""The command line: `python3 -m max.entrypoints.pipelines`, or `max` when installed."""

from __future__ import annotations

import click

from max.entrypoints.cli.benchmark import cli_benchmark
from max.entrypoints.cli.encode import cli_encode
from max.entrypoints.cli.generate import cli_generate
from max.entrypoints.cli.group import MaxGroup, enter_working_directory, print_version
from max.entrypoints.cli.list_architectures import cli_list
from max.entrypoints.cli.serve import cli_serve
from max.entrypoints.cli.warm_cache import cli_warm_cache
from max.serve.logs import LogSettings

__all__ = [
    "cli_benchmark",
    "cli_encode",
    "cli_generate",
    "cli_list",
    "cli_serve",
    "cli_warm_cache",
    "main",
]


@click.group(name="max", cls=MaxGroup)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=print_version,
    help="Print the version and exit.",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
    default="INFO",
    show_default=True,
    help="Lowest level of log records shown; DEBUG also shows the traceback of errors.",
)
def main(log_level: str) -> None:
    """Serve and run language models.

    \b
    Examples:
      max serve --model demo
      max generate --model demo --prompt "What is 2 + 3?"
      max list
    """
    LogSettings(log_level).apply()
    enter_working_directory()


main.add_command(cli_serve)
main.add_command(cli_generate)
main.add_command(cli_encode)
main.add_command(cli_list)
main.add_command(cli_warm_cache)
main.add_command(cli_benchmark)

if __name__ == "__main__":
    main(prog_name="max")
