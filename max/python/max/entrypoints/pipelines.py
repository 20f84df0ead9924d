"""The command line: `python3 -m max.entrypoints.pipelines`, or `max` when installed."""

from __future__ import annotations

import click

from max.driver.torch_libraries import load_torch_beside_sympy
from max.entrypoints.cli.group import MaxGroup, enter_working_directory, print_version
from max.serve.logs import LogSettings

__all__ = ["main"]


def _serve() -> click.Command:
    from max.entrypoints.cli.serve import cli_serve

    return cli_serve


def _generate() -> click.Command:
    from max.entrypoints.cli.generate import cli_generate

    return cli_generate


def _encode() -> click.Command:
    from max.entrypoints.cli.encode import cli_encode

    return cli_encode


def _list() -> click.Command:
    from max.entrypoints.cli.list_architectures import cli_list

    return cli_list


def _warm_cache() -> click.Command:
    from max.entrypoints.cli.warm_cache import cli_warm_cache

    return cli_warm_cache


def _benchmark() -> click.Command:
    from max.entrypoints.cli.benchmark import cli_benchmark

    return cli_benchmark


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


main.add_later("serve", _serve)
main.add_later("generate", _generate, before=load_torch_beside_sympy)
main.add_later("encode", _encode, before=load_torch_beside_sympy)
main.add_later("list", _list)
main.add_later("warm-cache", _warm_cache, before=load_torch_beside_sympy)
main.add_later("benchmark", _benchmark)

if __name__ == "__main__":
    main(prog_name="max")
