"""Formats in which each argument is written by itself, between tags, and strings are bare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from max.pipelines.parsing.calls import Tool, argument_text
from max.pipelines.parsing.events import Arguments, CallBegins, Content
from max.pipelines.parsing.formats.base import ToolFormat, Write, arguments_rule, repeated
from max.pipelines.parsing.source import Reading, Source, begins_with, skip_space, text_until, until


@dataclass(frozen=True, kw_only=True)
class ParameterCalls(ToolFormat):
    """`begin`, functions with parameters, `end`.

    Attributes:
        function: Stands before a function's name, as do `parameter` and a parameter's.
        name_end: Stands after either name.
        per_call: Whether every call has a `begin` and an `end` of its own.
    """

    begin: str
    end: str
    function: str
    function_end: str
    parameter: str
    parameter_end: str
    name_end: str
    per_call: bool
    tags: tuple[str, ...] = ()

    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        by_name = {tool.name: tool for tool in tools}
        while (yield from until(source, [self.begin], Content)) is not None:
            source.begin_keeping()
            yield from skip_space(source)
            if (yield from begins_with(source, [self.function])) is None:
                yield Content(self.begin + source.kept())
                continue
            source.kept()
            yield from self._call(source, by_name)
            while (yield from text_until(source, [self.function, self.end]))[1] == self.function:
                yield from self._call(source, by_name)
            yield from skip_space(source)

    def _call(self, source: Source, tools: dict[str, Tool]) -> Reading[None]:
        name, end = yield from text_until(source, [self.name_end])
        if end is None:
            yield Content(self.begin + self.function + name)
            return
        yield CallBegins(name)
        known = tools[name].properties() if name in tools else {}
        opening = "{"
        ends = [self.parameter, self.function_end, self.end]
        while (yield from text_until(source, ends))[1] == self.parameter:
            key, _ = yield from text_until(source, [self.name_end])
            value, _ = yield from text_until(source, [self.parameter_end])
            value = value.removeprefix("\n").removesuffix("\n")
            written = argument_text(value, known.get(key))
            yield Arguments(f"{opening}{json.dumps(key, ensure_ascii=False)}: {written}")
            opening = ", "
        yield Arguments("{}" if opening == "{" else "}")

    def rules(self, tools: Sequence[Tool], write: Write, *, many: bool) -> list[str]:
        rules = [f"string[lazy]: TEXT {write(chr(10) + self.parameter_end)}", r"TEXT: /(.|\n)*/"]
        for number, tool in enumerate(tools):
            required = tool.parameters.get("required") or ()
            body = [write(f"\n{self.function}{tool.name}{self.name_end}\n")]
            for name, schema in tool.properties().items():
                before = write(f"{self.parameter}{name}{self.name_end}\n")
                if schema.get("type") == "string" and "enum" not in schema:
                    value = "string"
                else:
                    value = f"{arguments_rule(schema)} {write(chr(10) + self.parameter_end)}"
                one = f"{before} {value} {write(chr(10))}"
                body.append(one if name in required else f"({one})?")
            end = self.end if self.per_call else ""
            body.append(write(f"{self.function_end}\n{end}"))
            rules.append(f"call_{number}: " + " ".join(body))
        between = write(f"\n{self.begin}") if self.per_call else '""'
        last = write("" if self.per_call else self.end)
        return [
            f"calls: {repeated('call', between, many=many)} {last}",
            "call: " + " | ".join(f"call_{number}" for number in range(len(tools))),
            *rules,
        ]


QWEN3_CODER = ParameterCalls(
    begin="<tool_call>",
    end="</tool_call>",
    function="<function=",
    function_end="</function>",
    parameter="<parameter=",
    parameter_end="</parameter>",
    name_end=">",
    per_call=True,
    tags=("</tool_call>",),
)
MINIMAX_M2 = ParameterCalls(
    begin="<minimax:tool_call>",
    end="</minimax:tool_call>",
    function='<invoke name="',
    function_end="</invoke>",
    parameter='<parameter name="',
    parameter_end="</parameter>",
    name_end='">',
    per_call=False,
    tags=("</minimax:tool_call>",),
)
