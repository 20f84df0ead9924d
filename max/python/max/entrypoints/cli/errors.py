"""How errors reach the user: a short message, and the traceback where it helps."""

from __future__ import annotations

import logging
import traceback
from types import FrameType, TracebackType
from typing import NoReturn

import click

from max.driver.cache_folder import CacheFolderError
from max.pipelines.config import ConfigurationError, ModelSourceError

# What a user can mend; other exceptions are bugs and keep their traceback.
USER_ERRORS = (ValueError, OSError, NotImplementedError)
# What needs no traceback to be understood.
_PLAIN_ERRORS = (CacheFolderError, ConfigurationError, ModelSourceError)
_LONGEST_MESSAGE = 10_000
# The functions that run the code of an architecture package, by importing it.
_IMPORTERS = frozenset(
    {
        ("max.pipelines.lib.custom_architectures", "_import"),
        ("max.pipelines.lib.symbols", "load_symbol"),
    }
)


def raise_user_error(error: Exception) -> NoReturn:
    """Raises the command's short message for an error that the user can mend, else the error.

    The traceback is printed with `--log-level DEBUG`, and always for an exception inside a custom
    architecture package: there it leads to the line in the user's own code.
    """
    functions = _functions_of_traceback(error)
    raised_in = functions[-1]
    in_import = raised_in not in _IMPORTERS and not _IMPORTERS.isdisjoint(functions)
    in_package = in_import or _is_of_custom_package(raised_in[0])
    malformed = isinstance(error, TypeError) and raised_in[0].startswith("max.pipelines.lib.")
    if not (in_package or malformed or isinstance(error, USER_ERRORS)):
        raise error
    debugging = logging.getLogger().isEnabledFor(logging.DEBUG)
    if in_package or debugging:
        start = _traceback_inside_package(error) if in_import and not debugging else None
        shown = traceback.format_exception(error.with_traceback(start or error.__traceback__))
        click.echo("".join(shown), err=True)
    message = _cut(str(error) or type(error).__name__)
    if in_import:
        message = f"the architecture package cannot be imported: {type(error).__name__}: {message}"
    elif in_package:
        message = f"the architecture package failed: {type(error).__name__}: {message}"
    elif not debugging and not isinstance(error, _PLAIN_ERRORS):
        message += "\n(--log-level DEBUG shows where this comes from)"
    kind = click.UsageError if isinstance(error, ConfigurationError) else click.ClickException
    raise kind(message) from error


def _cut(message: str) -> str:
    """What a file says may be long, or steer a terminal; the end of a message has the advice."""
    message = "".join(c if c.isprintable() or c in "\n\t" else f"{c!r}"[1:-1] for c in message)
    half = _LONGEST_MESSAGE // 2
    return message if len(message) <= 2 * half else f"{message[:half]} ... {message[-half:]}"


def _is_of_custom_package(module: str) -> bool:
    """Whether a module belongs to a package of `--custom-architectures`."""
    from max.pipelines.lib import PIPELINE_REGISTRY

    return module.partition(".")[0] in PIPELINE_REGISTRY.custom_packages()


def _function(frame: FrameType) -> tuple[str, str]:
    return str(frame.f_globals.get("__name__", "")), frame.f_code.co_name


def _functions_of_traceback(error: Exception) -> list[tuple[str, str]]:
    """Module and function of each frame, the innermost last."""
    functions = [_function(frame) for frame, _ in traceback.walk_tb(error.__traceback__)]
    return functions or [("", "")]


def _traceback_inside_package(error: Exception) -> TracebackType | None:
    """The part of the traceback below the import of the package."""
    inside = error.__traceback__
    while inside is not None and _function(inside.tb_frame) not in _IMPORTERS:
        inside = inside.tb_next
    while inside is not None and inside.tb_next is not None and _is_import_machinery(inside):
        inside = inside.tb_next
    return inside


def _is_import_machinery(entry: TracebackType) -> bool:
    module, _ = _function(entry.tb_frame)
    return _function(entry.tb_frame) in _IMPORTERS or module.startswith("importlib")
