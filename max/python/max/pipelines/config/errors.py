"""Errors that a user of the configuration can mend."""

from __future__ import annotations

from pydantic import ValidationError


class ConfigurationError(ValueError):
    """A configuration value is unknown, out of range or contradicts another one."""


class ModelSourceError(ValueError):
    """The model's files cannot be found, downloaded or read."""


def describe_validation_error(error: ValidationError) -> str:
    """One line per broken field: its dotted name and flag, what is wrong, and the value given."""
    lines = []
    for detail in error.errors(include_url=False):
        message = detail["msg"].removeprefix("Value error, ")
        parts = [str(part) for part in detail["loc"]]
        fields = [part for part in parts if part.isidentifier()]
        name = ".".join(parts)
        if fields:
            name += f" (--{fields[-1].replace('_', '-')})"
        if detail["type"] == "value_error":
            lines.append(message)
        elif detail["type"] == "missing":
            lines.append(f"{name}: {message}")
        else:
            lines.append(f"{name}: {message} (given: {detail['input']!r})")
    return "\n".join(lines)
