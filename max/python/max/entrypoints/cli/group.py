"""The `max` command itself: its subcommands, log level and version."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import click


class _Later(NamedTuple):
    load: Callable[[], click.Command]
    before: Callable[[], object]


class MaxGroup(click.Group):
    """A group that explains unknown commands and shows users' errors without a traceback.

    Commands are imported when they are used: one needs little of what another does.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._later: dict[str, _Later] = {}

    def add_later(
        self,
        name: str,
        load: Callable[[], click.Command],
        before: Callable[[], object] = lambda: None,
    ) -> None:
        """Adds a command.

        Args:
            name: of the command.
            load: imports it.
            before: is called first where the command is to run.
        """
        self._later[name] = _Later(load, before)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None if there is none."""
        if cmd_name in self._later and cmd_name not in self.commands:
            self.add_command(self._later[cmd_name].load(), cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command.

        Raises:
            click.UsageError: if there is none of that name.
        """
        name = args[0]
        if name in self._later:
            if "--help" not in args:
                self._later[name].before()
        elif not name.startswith("-"):
            raise click.UsageError(self._unknown(name), ctx=ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        return list(self._later)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; errors that the user can mend become messages."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends quietly when nobody reads the output any more
        except Exception as error:
            from max.entrypoints.cli.errors import raise_user_error

            raise_user_error(error)

    def _unknown(self, name: str) -> str:
        """What is said of a command that there is not."""
        from max.pipelines.config.unavailable import UNAVAILABLE

        if name in UNAVAILABLE["max"]:
            return f"'max {name}' is not in this release"
        return f"Command not supported: {name}\nSupported commands: {', '.join(self._later)}"


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
