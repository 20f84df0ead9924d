"""Formats in which calls are written as Python: `[f(a=1, b="x"), g()]`. Nothing of it is run."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.events import Arguments, CallBegins, Content, Event
from max.pipelines.parsing.formats.base import ToolFormat, Write, arguments_rule, repeated
from max.pipelines.parsing.source import Reading, Source, skip_space, text_until, until

# JSON's words, which models write too.
_WORDS = {"true": True, "false": False, "null": None}
# Python's own parser runs out of stack on what is nested much deeper.
_MOST_CHARACTERS = 1 << 16


@dataclass(frozen=True, kw_only=True)
class PythonCalls(ToolFormat):
    """Calls of functions with literal arguments by name.

    Without a tag, they are a list and all that the answer consists of; between `begin` and `end`
    each has a line.
    """

    begin: str | None = None
    end: str = "]"
    between: str = ", "
    tags: tuple[str, ...] = ()

    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        if self.begin is None:
            source.begin_keeping()
            if (yield from skip_space(source)) == "[":
                yield from text_until(source, ())
                text = source.kept()
                yield from _found(text.strip(), text)
            else:
                yield Content(source.kept())
            yield from until(source, (), Content)
            return
        while (yield from until(source, [self.begin], Content)) is not None:
            text, end = yield from text_until(source, [self.end])
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            yield from _found(f"[{', '.join(lines)}]", self.begin + text + (end or ""))
            yield from skip_space(source)

    def rules(self, tools: Sequence[Tool], write: Write, *, many: bool) -> list[str]:
        first, last = ("[", "]") if self.begin is None else ("\n", f"\n{self.end}")
        calls = repeated("call", write(self.between), many=many)
        return [
            f"calls: {write(first)} {calls} {write(last)}",
            "call: " + " | ".join(f"call_{number}" for number in range(len(tools))),
            *(f"call_{number}: {_call_rule(tool, write)}" for number, tool in enumerate(tools)),
        ]


def _call_rule(tool: Tool, write: Write) -> str:
    """Required arguments first, then others, each after a comma but for the very first."""
    required = tool.parameters.get("required") or ()
    properties = sorted(tool.properties().items(), key=lambda item: item[0] not in required)
    body = ""
    for place, (name, schema) in reversed(list(enumerate(properties))):
        one = f"{write(('' if place == 0 else ', ') + name + '=')} {arguments_rule(schema)} "
        if name in required:
            body = one + body
        elif place == 0:
            body = f"({one}{body})?"
        else:
            body = f"({one})? {body}"
    return f"{write(tool.name + '(')} {body} {write(')')}"


def _found(code: str, text: str) -> Reading[None]:
    """The calls of a list, or its text if it is none."""
    events = _calls(code)
    yield from [Content(text)] if events is None else events


def _calls(code: str) -> list[Event] | None:
    if len(code) > _MOST_CHARACTERS:
        return None
    try:
        tree = ast.parse(code, mode="eval").body
        assert isinstance(tree, ast.List)
        events: list[Event] = []
        for call in tree.elts:
            assert isinstance(call, ast.Call)
            assert not call.args
            arguments = {str(word.arg): _literal(word.value) for word in call.keywords}
            events.append(CallBegins(ast.unparse(call.func)))
            events.append(Arguments(json.dumps(arguments, ensure_ascii=False)))
    except (SyntaxError, ValueError, TypeError, AssertionError, RecursionError, MemoryError):
        return None
    return events or None


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {str(_literal(key)): _literal(value) for key, value in pairs if key is not None}
    value = ast.literal_eval(node)
    json.dumps(value)
    return value


PYTHONIC = PythonCalls()
OLMO3 = PythonCalls(
    begin="<function_calls>",
    end="</function_calls>",
    between="\n",
    tags=("</function_calls>",),
)
