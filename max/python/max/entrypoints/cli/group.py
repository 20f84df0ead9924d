"""The `max` command itself: its subcommands, log level and version."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from max.entrypoints.cli.errors import raise_user_error
from max.pipelines.config.unavailable import UNAVAILABLE


class MaxGroup(click.Group):
    """A group that explains unknown commands and shows users' errors without a traceback."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command.

        Raises:
            click.UsageError: if there is none of that name.
        """
        name = args[0]
        if name in UNAVAILABLE["max"]:
            raise click.UsageError(f"'max {name}' is not in this release", ctx=ctx)
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            commands = ", ".join(self.list_commands(ctx))
            raise click.UsageError(
                f"Command not supported: {name}\nSupported commands: {commands}", ctx=ctx
            )
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; errors that the user can mend become messages."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends quietly when nobody reads the output any more
        except Exception as error:
            raise_user_error(error)


def enter_working_directory() -> None:
    """Goes to where `bazel run` was called, so that relative paths mean what the user typed."""
    directory = os.environ.get("BUILD_WORKING_DIRECTORY")
    if directory and os.path.isdir(directory):
        sys.path[:] = [os.path.abspath(path) for path in sys.path]
        os.chdir(directory)


def print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Callback of `--version`."""
    if value and not ctx.resilient_parsing:
        from max import __version__

        click.echo(f"MAX {__version__}")
        ctx.exit()
