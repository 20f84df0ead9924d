"""Days that there are: llguidance's formats have a 29th of February in every year, and a year 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BY_FOUR = "0[48]|[2468][048]|[13579][26]"
_LEAP_YEAR = f"([0-9]{{2}}({_BY_FOUR})|({_BY_FOUR})00)"
_YEAR = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_NOT_LEAP_DAY = "((0[13-9]|1[0-2])-[0-9]{2}|02-([01][0-9]|2[0-8]))"
# How both begin, https://www.rfc-editor.org/rfc/rfc3339#section-5.6; the format has the rest.
_REAL_DATE = f"^({_LEAP_YEAR}-02-29|{_YEAR}-{_NOT_LEAP_DAY})"
_FORMATS = ("date", "date-time")
# What stands there is no schema.
_VALUES = frozenset({"const", "default", "enum", "examples"})
# What stands there has names that are no keywords.
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})


def with_real_dates(schema: Any) -> Any:
    """A schema in which dates are also those of a calendar.

    Args:
        schema: Or a part of one.
    """
    if isinstance(schema, list):
        return [with_real_dates(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    inner = {key: _with_real_dates_at(key, part) for key, part in schema.items()}
    if inner.get("format") in _FORMATS:
        inner["allOf"] = [*inner.get("allOf", ()), {"pattern": _REAL_DATE}]
    return inner


def _with_real_dates_at(key: str, part: Any) -> Any:
    if key in _VALUES:
        return part
    if key in _NAMED and isinstance(part, Mapping):
        return {name: with_real_dates(each) for name, each in part.items()}
    return with_real_dates(part)
