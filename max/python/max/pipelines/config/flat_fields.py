"""The configuration's fields by their plain names, as flags and keyword arguments use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo

from max.pipelines.config.base import ConfigModel
from max.pipelines.config.errors import unknown_name
from max.pipelines.modeling.errors import ConfigurationError

ALIASES = {"model": "model_path", "devices": "device_specs"}


class FlatField(NamedTuple):
    """One field that is not itself a part.

    Attributes:
        name: the plain name, unique over all parts.
        section: the parts that lead to it, as `("model", "kv_cache")`.
        info: type, default, limits and description.
        available: whether it may differ from its default in this release.
    """

    name: str
    section: tuple[str, ...]
    info: FieldInfo
    available: bool


def flat_fields(config: type[ConfigModel], section: tuple[str, ...] = ()) -> Iterator[FlatField]:
    """All fields of a configuration and its parts."""
    for name, info in config.model_fields.items():
        part = part_type(info)
        if part is not None:
            yield from flat_fields(part, (*section, name))
        else:
            yield FlatField(name, section, info, config.is_available(name))


def part_type(info: FieldInfo) -> type[ConfigModel] | None:
    """The model class of a field that is a part; None for a plain field."""
    annotation = info.annotation
    if isinstance(annotation, type) and issubclass(annotation, ConfigModel):
        return annotation
    return None


def spread_flat_kwargs(config: type[ConfigModel], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Sorts plain arguments into a nested mapping, one level per part.

    Raises:
        ConfigurationError: for an unknown name, or a name given under two spellings.
    """
    fields = {field.name: field for field in flat_fields(config)}
    parts = {name: part_type(info) for name, info in config.model_fields.items()}
    sections: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for name, value in kwargs.items():
        if parts.get(name) is not None and isinstance(value, (Mapping, ConfigModel)):
            sections[name] = dict(value) if isinstance(value, Mapping) else value
            continue
        target = ALIASES.get(name, name)
        if target not in fields:
            if name in parts:
                raise ConfigurationError(f"'{name}' should hold fields of its own, got {value!r}")
            raise ConfigurationError(unknown_name(name, known_names(config)))
        if target in plain:
            alias = next(alias for alias, meant in ALIASES.items() if meant == target)
            raise ConfigurationError(f"{target} and {alias} cannot both be specified")
        plain[target] = value
    for name, value in plain.items():
        _put(sections, (*fields[name].section, name), value)
    return sections


def _put(sections: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for part in path[:-1]:
        sections = sections.setdefault(part, {})
        if isinstance(sections, ConfigModel):
            raise ConfigurationError(f"{path[-1]} and {part} cannot both be specified")
    if path[-1] in sections:
        raise ConfigurationError(f"{path[-1]} is given twice, plainly and in {path[-2]}")
    sections[path[-1]] = value


def known_names(config: type[ConfigModel]) -> list[str]:
    """Every name that a user may give: fields by plain name, aliases, parts by their path."""
    parts = {".".join(field.section) for field in flat_fields(config) if field.section}
    return [*(field.name for field in flat_fields(config)), *ALIASES, *sorted(parts)]
