"""Command line options made from the fields of the configuration models."""

from __future__ import annotations

import json
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from max.pipelines.config import MAXModelConfig, PipelineConfig
from max.pipelines.config.flat_fields import ALIASES, flat_fields
from max.pipelines.config.unavailable import UNAVAILABLE

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SECTION_TITLES = {
    "model": "Model",
    "kv_cache": "KV cache",
    "runtime": "Runtime",
    "sampling": "Sampler",
    "lora": "LoRA",
    "speculative": "Speculative decoding",
    "profiling": "Profiling",
}
# Aliases whose documented name is the alias; the field's own name stays out of the help.
_SHOWN_BY_ALIAS = frozenset({"device_specs"})


class SectionOption(click.Option):
    """An option that knows under which heading the help lists it."""

    def __init__(self, param_decls: Sequence[str], section: str, **attributes: Any) -> None:
        super().__init__(param_decls, **attributes)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists its options by section; `--flag true` is `--flag`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses, after `--name a b c` has become `--name a --name b --name c` where an option
        may be given several times, and flags have lost their values."""
        args = list(_without_values_of_flags(self, ctx, args))
        repeatable = {
            flag
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple
            for flag in parameter.opts
        }
        if any(isinstance(parameter, click.Argument) for parameter in self.params):
            return super().parse_args(ctx, args)
        spelled: list[str] = []
        flag, values = "", 0
        for arg in args:
            if arg.startswith("-") and not arg[1:2].isdigit():
                flag, values = arg if arg in repeatable else "", 0
            elif flag:
                spelled += [flag] if values else []
                values += 1
            spelled.append(arg)
        return super().parse_args(ctx, spelled)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one block for each section, in the order of first appearance."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "section", "General")
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


def _without_values_of_flags(
    command: click.Command, ctx: click.Context, args: Sequence[str]
) -> Iterator[str]:
    """`--flag true`, `--flag=false` as `--flag`, `--no-flag`."""
    negative = {
        flag: parameter.secondary_opts[0]
        for parameter in command.get_params(ctx)
        if isinstance(parameter, click.Option) and parameter.is_flag and parameter.secondary_opts
        for flag in parameter.opts
    }
    rest = deque(args)
    while rest:
        argument = rest.popleft()
        if argument == "--":
            yield from (argument, *rest)
            return
        flag, equals, value = argument.partition("=")
        given = value if equals else rest[0] if rest else ""
        if flag not in negative or given.lower() not in _TRUE | _FALSE:
            yield argument
            continue
        if not equals:
            rest.popleft()
        yield flag if given.lower() in _TRUE else negative[flag]


class JsonMapping(click.ParamType[dict[str, Any]]):
    """A JSON object, inline or in a file."""

    name = "json"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """Reads the object.

        Raises:
            click.BadParameter: if it is neither JSON nor a file of JSON.
        """
        if isinstance(value, Mapping):
            return dict(value)
        text = str(value)
        try:
            if not text.lstrip().startswith("{"):
                text = Path(text).read_text(encoding="utf-8")
            content = json.loads(text)
        except (OSError, ValueError) as error:
            self.fail(f"{value!r} is neither a JSON object nor a file of one: {error}", param, ctx)
        if not isinstance(content, dict):
            self.fail(f"{value!r} is not a JSON object", param, ctx)
        return content


class ValueKind(NamedTuple):
    """How a field's value is written on the command line."""

    type: click.ParamType[Any]
    is_flag: bool = False
    multiple: bool = False


def value_kind(annotation: Any) -> ValueKind:
    """The command line form of a field of that type."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        kinds = [arg for arg in get_args(annotation) if arg is not types.NoneType]
        return value_kind(kinds[0])
    if origin is Literal:
        return ValueKind(click.Choice([str(value) for value in get_args(annotation)]))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ValueKind(click.Choice([str(member.value) for member in annotation]))
    if annotation is bool:
        return ValueKind(click.BOOL, is_flag=True)
    if origin is list:
        element = get_args(annotation)[0]
        if get_origin(element) is Annotated:
            element = get_args(element)[0]
        if get_origin(element) is Literal:
            return ValueKind(value_kind(element).type, multiple=True)
        return ValueKind(click.STRING, multiple=element in (str, Path, SecretStr))
    if origin is dict:
        return ValueKind(JsonMapping())
    if annotation is int:
        return ValueKind(click.INT)
    return ValueKind(click.FLOAT if annotation is float else click.STRING)


def make_option(
    name: str, info: FieldInfo, section: str, *, hidden: bool = False, help: str | None = None
) -> SectionOption:
    """The option `--name` for a field; its value is None (or empty) unless it is given."""
    kind = value_kind(info.annotation)
    flag = "--" + name.replace("_", "-")
    declaration = f"{flag}/--no-{flag[2:]}" if kind.is_flag else flag
    default = info.get_default()
    shown = default.value if isinstance(default, Enum) else default
    text = help or info.description or ""
    if isinstance(shown, bool):
        text += "  [default: on]" if shown else ""
    elif shown not in (None, "") and not info.default_factory and "when not given" not in text:
        text += f"  [default: {shown}]"
    return SectionOption(
        [declaration, name],
        section,
        type=None if kind.is_flag else kind.type,
        default=None,
        multiple=kind.multiple,
        hidden=hidden,
        help=text,
    )


def pipeline_options() -> list[SectionOption]:
    """One option per field of `PipelineConfig`, its aliases, and those for a configuration file."""
    options = [
        SectionOption(["--config-file"], "Model", help="YAML file with configuration sections."),
        SectionOption(["--section-name"], "Model", help="Top-level key of the file to read."),
    ]
    aliases = {target: alias for alias, target in ALIASES.items()}
    for field in flat_fields(PipelineConfig):
        title = _SECTION_TITLES[field.section[-1]] if field.section else "Model"
        hidden = not field.available
        if field.name in aliases:
            same = f"Same as --{field.name.replace('_', '-')}."
            shown_by_alias = field.name in _SHOWN_BY_ALIAS
            text = None if shown_by_alias else same
            options.append(make_option(aliases[field.name], field.info, title, help=text))
            hidden = hidden or shown_by_alias
        options.append(make_option(field.name, field.info, title, hidden=hidden))
    return options


def settings_options(settings: type[BaseModel], section: str) -> list[SectionOption]:
    """One option per field of a flat settings model."""
    return [make_option(name, info, section) for name, info in settings.model_fields.items()]


def unavailable_options(command: str) -> list[SectionOption]:
    """The documented flags of a command that this release refuses, and does not list.

    Those of a draft model are all that a model has, with another prefix.
    """
    draft = [f"--draft-{field.name.replace('_', '-')}" for field in flat_fields(MAXModelConfig)]
    aliases = [f"--draft-{alias}" for alias in ALIASES if alias != "model"]

    def refuse(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
        if value is not None:
            flag = parameter.opts[0]
            raise click.UsageError(f"{flag} is not supported in this release", ctx=ctx)

    return [
        # With or without a value.
        SectionOption(
            [flag],
            "General",
            is_flag=False,
            flag_value="",
            hidden=True,
            expose_value=False,
            callback=refuse,
        )
        for flag in [*UNAVAILABLE[command], *draft, *aliases]
    ]


def add_options(
    *groups: Sequence[SectionOption],
) -> Callable[[_Command], _Command]:
    """Decorator that adds options; of two with the same name the first one wins."""

    def decorate(command: _Command) -> _Command:
        unique: dict[str, SectionOption] = {}
        for option in (option for group in groups for option in group):
            unique.setdefault(str(option.name), option)
        parameters: list[click.Parameter] = getattr(command, "__click_params__", [])
        # click reads this list in reverse, since decorators are applied from the last to the first.
        parameters.extend(reversed(unique.values()))
        command.__click_params__ = parameters  # type: ignore[attr-defined]
        return command

    return decorate


def given(values: Mapping[str, Any], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Only the options that were given on the command line; the others are None or empty."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None and value != () and (names is None or name in names)
    }
