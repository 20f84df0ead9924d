"""What formats of tool calls share: tools, objects that name a function, bare arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from max.pipelines.parsing.events import Arguments, CallBegins, Content
from max.pipelines.parsing.source import Reading, Source, json_text, json_value, skip_space

_NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class Tool:
    """A function that the model may call.

    Attributes:
        name: What it is called.
        parameters: JSON schema of its arguments, an object.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: _NO_ARGUMENTS)

    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """The schemas of its arguments."""
        given = self.parameters.get("properties")
        found = given if isinstance(given, Mapping) else {}
        return {name: each for name, each in found.items() if isinstance(each, Mapping)}


def call_object(
    source: Source, argument_names: Sequence[str], known: frozenset[str] | None = None
) -> Reading[bool]:
    """Reads an object with a function's name and its arguments, in any order.

    What turns out not to be a call is content.

    Args:
        source: At the object's first character.
        argument_names: What the arguments may be called.
        known: The only functions whose objects are calls; any, if it is not given.

    Returns:
        Whether it was a call.
    """
    source.begin_keeping()
    name, early, is_told = "", "", False
    source.take(1)
    while (yield from skip_space(source)) == ",":
        source.take(1)
    while source.text.startswith('"'):
        key = _parsed((yield from json_text(source)))
        if (yield from skip_space(source)) != ":":
            break
        source.take(1)
        yield from skip_space(source)
        if key == "name" and not name:
            value = _parsed((yield from json_text(source)))
            name = value if isinstance(value, str) else ""
            if not name or (known is not None and name not in known):
                break
            if early:
                source.kept()
                yield CallBegins(name)
                yield Arguments(early)
                is_told = True
        elif key in argument_names and name and not is_told:
            source.kept()
            yield CallBegins(name)
            is_told = True
            if source.text.startswith('"'):  # JSON text inside a JSON text
                yield Arguments(str(_parsed((yield from json_text(source)))))
            else:
                yield from json_value(source, Arguments)
        elif key in argument_names:
            early = yield from json_text(source)
        else:
            yield from json_text(source)
        while (yield from skip_space(source)) == ",":
            source.take(1)
    is_complete = source.text.startswith("}")
    if is_complete:
        source.take(1)
    if is_complete and name and not is_told and (known is None or name in known):
        source.kept()
        yield CallBegins(name)
        yield Arguments("{}")
        return True
    if not is_told:
        yield Content(source.kept())
    return is_told


def argument_text(text: str, schema: Mapping[str, Any] | None) -> str:
    """The JSON text of an argument that a model wrote bare.

    What a schema wants to be a string is one, "5" too; other values are JSON, or else strings.
    """
    kinds = (schema or {}).get("type")
    wants_text = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
    is_null = text.strip() == "null" and isinstance(kinds, list) and "null" in kinds
    if not wants_text or is_null:
        value = _parsed(text.strip())
        if value is not None or text.strip() == "null":
            return json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
