"""`--pretty-print-config`: the configuration as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from pydantic import BaseModel

from max.pipelines.config.base import ConfigModel


def format_config(parts: Mapping[str, BaseModel]) -> str:
    """The parts as YAML-like text: a field per line, without options this release does not have."""
    return "\n".join(line for name, part in parts.items() for line in _lines(name, part, 0))


def _lines(name: str, value: object, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if not isinstance(value, BaseModel):
        shown = value.value if isinstance(value, Enum) else value
        if isinstance(value, list):
            shown = f"[{', '.join(map(str, value))}]"
        yield f"{indent}{name}: {'null' if shown is None else shown}"
        return
    lines = [
        line
        for field in type(value).model_fields
        if not isinstance(value, ConfigModel) or type(value).is_available(field)
        for line in _lines(field, getattr(value, field), depth + 1)
    ]
    if lines:
        yield f"{indent}{name}:"
        yield from lines
