"""What is wrong with a configuration, in words that name the flag."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pydantic import ValidationError


def describe_validation_error(error: ValidationError, known_names: Sequence[str] = ()) -> str:
    """One line per broken field: its dotted name and flag, what is wrong, and the value given.

    Args:
        error: What pydantic found.
        known_names: Fields that an unknown one may have been meant to be.
    """
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
        elif detail["type"] == "extra_forbidden":
            lines.append(unknown_name(".".join(parts), known_names))
        elif detail["type"] == "missing":
            lines.append(f"{name}: {message}")
        else:
            lines.append(f"{name}: {message} (given: {detail['input']!r})")
    return "\n".join(lines)


def unknown_name(name: str, known_names: Sequence[str]) -> str:
    """Says that there is no field of that (dotted) name, and which are spelt nearly like it."""
    last = name.rpartition(".")[2]
    near = difflib.get_close_matches(last, sorted(set(known_names)), n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"unknown configuration field '{name}'{hint}"
