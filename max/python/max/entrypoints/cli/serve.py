"""`max serve`."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from pydantic import ValidationError

from max.entrypoints.cli.options import (
    SectionedCommand,
    SectionOption,
    add_options,
    given,
    pipeline_options,
    settings_options,
    unavailable_options,
)
from max.entrypoints.cli.show_config import format_config
from max.pipelines.checkpoint.source import LocalModel
from max.pipelines.config import ConfigurationError, PipelineConfig
from max.pipelines.config.errors import describe_validation_error
from max.serve.config import SECRET_FIELDS, ServerSettings, forget_secrets


@click.command("serve", cls=SectionedCommand)
@add_options(
    [
        SectionOption(
            ["--pretty-print-config"],
            "Server",
            is_flag=True,
            help="Print the configuration, then start.",
        ),
        *unavailable_options("max serve"),
    ],
    settings_options(ServerSettings, "Server"),
    pipeline_options(),
)
def cli_serve(pretty_print_config: bool, **options: Any) -> None:
    """Serve a model with an OpenAI-compatible API.

    Server options can also be given in the environment, as MAX_SERVE_PORT=9000.

    \b
    Examples:
      max serve --model demo
      max serve --model Qwen/Qwen2.5-0.5B-Instruct --devices gpu:0 --max-batch-size 8
      max serve --model ./checkpoint --custom-architectures path/to/dir:my_arch
    """
    with _stopped_by_signals():
        sys.exit(_serve(pretty_print_config, options))


def _serve(pretty_print_config: bool, options: dict[str, Any]) -> int:
    settings = _settings(given(options, _SETTINGS))
    _keep_secrets()
    flags = {name: value for name, value in options.items() if name not in _SETTINGS}
    config = PipelineConfig.from_flat_kwargs(**given(flags))
    if pretty_print_config:
        click.echo(format_config({"server": settings, "pipeline": config}))
    # A folder that is no model is found before anything slow is done.
    if isinstance(config.model.source, LocalModel):
        _ = config.model.architecture_name
    from max.serve.server import serve

    return serve(settings, config)


def _keep_secrets() -> None:
    """Keys are for this process alone."""
    context = click.get_current_context()
    for name in sorted(SECRET_FIELDS):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            click.echo(
                f"Warning: other users of this machine can see the key given with {flag}, as they"
                f" see all arguments; they do not see the environment (MAX_SERVE_{name.upper()})",
                err=True,
            )
    forget_secrets()


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """CTRL+C and SIGTERM end the command with exit code 0 before the server handles them itself."""

    def stop(*_: object) -> NoReturn:
        sys.exit(0)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SETTINGS = tuple(ServerSettings.model_fields)


def _settings(flags: dict[str, Any]) -> ServerSettings:
    """Flags over the environment over the defaults; `max --log-level` holds for the server too."""
    context = click.get_current_context().find_root()
    if context.get_parameter_source("log_level") is click.core.ParameterSource.COMMANDLINE:
        flags = {"logs_console_level": logging.getLevelName(logging.root.level), **flags}
    try:
        return ServerSettings.from_env(**flags)
    except ValidationError as error:
        raise ConfigurationError(describe_validation_error(error)) from error
