"""The format of Gemma 4: `call:NAME{key:<|"|>text<|"|>,other:5}` between tags; texts are bare.

https://ai.google.dev/gemma/docs; JSON is read too, where a model writes that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from max.pipelines.parsing.calls import Tool, argument_text
from max.pipelines.parsing.events import Arguments, CallBegins, Content
from max.pipelines.parsing.formats.base import ToolFormat, Write, arguments_rule, repeated
from max.pipelines.parsing.source import (
    Reading,
    Source,
    begins_with,
    json_value,
    skip_space,
    text_until,
    until,
)

_QUOTE = '<|"|>'
_END = "<tool_call|>"
# Reading goes down with what is nested; what is deeper is read as text.
_MOST_DEPTH = 64
_ENDS_OF_WORDS = ",}]<"
# A text whose schema has nothing else may be any.
_ANY_TEXT = frozenset({"type", "description", "title", "default", "examples"})


@dataclass(frozen=True, kw_only=True)
class GemmaCalls(ToolFormat):
    """Calls between tags of their own, one after the other."""

    begin: str = "<|tool_call>"
    tags: tuple[str, ...] = (_END, _QUOTE)

    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        while (yield from until(source, [self.begin], Content)) is not None:
            source.begin_keeping()
            yield from skip_space(source)
            is_call = (yield from begins_with(source, ["call:"])) is not None
            name, stop = "", None
            if is_call:
                name, stop = yield from text_until(source, ["{", _END])
            if stop != "{":
                yield Content(self.begin + source.kept())
                continue
            source.kept()
            yield CallBegins(name.strip())
            if not (yield from _object(source, 0)):
                yield from text_until(source, [_END])
            yield from skip_space(source)

    def rules(self, tools: Sequence[Tool], write: Write, *, many: bool) -> list[str]:
        quote = write(_QUOTE)
        # A special token ends a text by itself: no text has it.
        lazy = "" if quote.startswith("<[") else "[lazy]"
        rules = [f"text{lazy}: TEXT {quote}", r"TEXT: /(.|\n)*/"]
        for number, tool in enumerate(tools):
            body = _members(tool.parameters, write)
            rules.append(
                f"call_{number}: {write(f'call:{tool.name}{{')} {body} {write('}' + _END)}"
            )
        return [
            f"calls: {repeated('call', write(self.begin), many=many)}",
            "call: " + " | ".join(f"call_{number}" for number in range(len(tools))),
            *rules,
        ]


def _object(source: Source, depth: int) -> Reading[bool]:
    """Reads what follows `{`; returns whether the call's end has been read with it."""
    yield Arguments("{")
    between = ""
    while True:
        while (yield from skip_space(source)) == ",":
            source.take(1)
        key, stop = yield from text_until(source, [":", "}", _END])
        if stop != ":":
            yield Arguments("}")
            return stop == _END
        yield Arguments(f"{between}{json.dumps(_unquoted(key.strip()), ensure_ascii=False)}: ")
        between = ", "
        if (yield from _value(source, depth + 1)):
            yield Arguments("}")
            return True


def _array(source: Source, depth: int) -> Reading[bool]:
    """As `_object`, of what follows `[`."""
    yield Arguments("[")
    between = ""
    while True:
        while (following := (yield from skip_space(source))) == ",":
            source.take(1)
        is_over = (yield from begins_with(source, [_END])) is not None
        if is_over or following in ("]", "}", ""):
            if following == "]":
                source.take(1)
            yield Arguments("]")
            return is_over
        yield Arguments(between)
        between = ", "
        if (yield from _value(source, depth + 1)):
            yield Arguments("]")
            return True


def _value(source: Source, depth: int) -> Reading[bool]:
    """Gives a value as JSON; returns whether the call's end has been read with it."""
    following = yield from skip_space(source)
    if (yield from begins_with(source, [_QUOTE])) is not None:
        text, _ = yield from text_until(source, [_QUOTE])
        yield Arguments(json.dumps(text, ensure_ascii=False))
    elif following == '"':
        yield from json_value(source, Arguments)
    elif following in ("{", "[") and depth < _MOST_DEPTH:
        source.take(1)
        return (yield from (_object if following == "{" else _array)(source, depth))
    else:
        word = yield from _word(source)
        yield Arguments(argument_text(word.strip(), None) if word.strip() else "null")
    return False


def _word(source: Source) -> Reading[str]:
    """Reads a value that has no end of its own, at least one character."""
    while True:
        found = [at for end in _ENDS_OF_WORDS if (at := source.text.find(end, 1)) >= 0]
        if found or source.is_over:
            return source.take(min(found, default=len(source.text)))
        yield None


def _unquoted(key: str) -> str:
    for quote in (_QUOTE, '"'):
        if len(key) >= 2 * len(quote) and key.startswith(quote) and key.endswith(quote):
            return key[len(quote) : -len(quote)]
    return key


def _members(schema: Mapping[str, Any], write: Write) -> str:
    """Required members first, then others, each after a comma but for the very first."""
    given = schema.get("properties")
    required = schema.get("required") or ()
    members = sorted(
        (given if isinstance(given, Mapping) else {}).items(),
        key=lambda member: member[0] not in required,
    )
    body = ""
    for place, (name, each) in reversed(list(enumerate(members))):
        one = f"{write(('' if place == 0 else ',') + name + ':')} {_value_rule(each, write)} "
        if name in required:
            body = one + body
        elif place == 0:
            body = f"({one}{body})?"
        else:
            body = f"({one})? {body}"
    return body


def _value_rule(schema: Any, write: Write) -> str:
    """Texts and objects as the model was taught to write them, else JSON."""
    if not isinstance(schema, Mapping):
        return arguments_rule(schema)
    choices = schema.get("enum")
    if choices and all(isinstance(choice, str) for choice in choices):
        return "(" + " | ".join(write(f"{_QUOTE}{each}{_QUOTE}") for each in choices) + ")"
    if schema.get("type") == "string" and schema.keys() <= _ANY_TEXT:
        return f"{write(_QUOTE)} text"
    if schema.get("type") == "object" and schema.get("properties"):
        return f"{write('{')} {_members(schema, write)} {write('}')}"
    return arguments_rule(schema)


GEMMA4 = GemmaCalls()
