"""Formats in which a call's arguments are JSON: after a tag, or in an object with the name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from max.pipelines.parsing.calls import Tool, call_object
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


def _deepseek(name: str) -> str:
    """A tag of DeepSeek's, whose bars and spaces are not those of ASCII."""
    bar, space = "\N{FULLWIDTH VERTICAL LINE}", "\N{LOWER ONE EIGHTH BLOCK}"
    return f"<{bar}{name.replace(' ', space)}{bar}>"


_CALLS_BEGIN, _CALLS_END = _deepseek("tool calls begin"), _deepseek("tool calls end")
_CALL_BEGIN, _CALL_END = _deepseek("tool call begin"), _deepseek("tool call end")
_SEP = _deepseek("tool sep")
_CALL_IDENTIFIER = re.compile(r"(?:functions\.)?(?P<name>[^:\s]+)(?::\d+)?")


@dataclass(frozen=True, kw_only=True)
class _Written(ToolFormat):
    """Each call is `opening`, with the function's name for NAME, its arguments and `closing`.

    `first` comes before the first call, `between` between two, `last` after the last.
    """

    begin: str | None
    opening: str
    closing: str
    between: str
    first: str = ""
    last: str = ""
    tags: tuple[str, ...] = ()
    id_length: int = 24
    id_prefix: str = "call_"

    def rules(self, tools: Sequence[Tool], write: Write, *, many: bool) -> list[str]:
        rules = []
        for number, tool in enumerate(tools):
            before, index, after = self.opening.replace("NAME", tool.name).partition("INDEX")
            opening = write(before) + (f" /[0-9]{{1,3}}/ {write(after)}" if index else "")
            body = arguments_rule(tool.parameters)
            rules.append(f"call_{number}: {opening} {body} {write(self.closing)}")
        calls = repeated("call", write(self.between), many=many)
        return [
            f"calls: {write(self.first)} {calls} {write(self.last)}",
            "call: " + " | ".join(f"call_{number}" for number in range(len(tools))),
            *rules,
        ]


@dataclass(frozen=True, kw_only=True)
class ObjectCalls(_Written):
    """Calls are objects with the function's name and its arguments.

    After a tag, one or a list of them; without one, calls are all that the answer consists of.
    """

    end: str | None = None
    argument_names: tuple[str, ...] = ("arguments", "parameters")

    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        if self.begin is None:
            known = frozenset(tool.name for tool in tools)
            yield from begins_with(source, self.tags)
            if (yield from skip_space(source)) == "{":
                yield from self._objects(source, known)
            yield from until(source, (), Content)
            return
        while (yield from until(source, [self.begin], Content)) is not None:
            source.begin_keeping()
            if (yield from skip_space(source)) == "[":
                source.take(1)
                yield from skip_space(source)
            if not source.text.startswith("{"):
                yield Content(self.begin + source.kept())
                continue
            source.kept()
            yield from self._objects(source, None)
            yield from self._close(source)

    def _objects(self, source: Source, known: frozenset[str] | None) -> Reading[None]:
        while (yield from call_object(source, self.argument_names, known)):
            while (following := (yield from skip_space(source))) in (",", ";"):
                source.take(1)
            if following != "{":
                return

    def _close(self, source: Source) -> Reading[None]:
        if (yield from skip_space(source)) == "]":
            source.take(1)
            yield from skip_space(source)
        if self.end is not None:
            yield from begins_with(source, [self.end])
        # Whitespace between calls is nobody's content.
        yield from skip_space(source)


@dataclass(frozen=True, kw_only=True)
class NamedCalls(_Written):
    """Calls are a name, a tag, JSON and another tag, in a section between tags of its own.

    Attributes:
        call: The tag before each name; None where `begin` is it.
        separators: What may stand between a name and its arguments.
        prefix: What may stand before a name.
        call_end: The tag after arguments; None where there is none.
        section_end: The tag after the last call.
        keeps_ids: The name is an id at once, as `functions.NAME:0`.
    """

    call: str | None = None
    separators: tuple[str, ...] = ()
    prefix: str = ""
    call_end: str | None = None
    section_end: str | None = None
    keeps_ids: bool = False

    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        assert self.begin is not None, "these formats have one"
        while (yield from until(source, [self.begin], Content)) is not None:
            if self.call is None:
                yield from self._call(source)
                continue
            ends = [self.call, *([self.section_end] if self.section_end else [])]
            while (yield from text_until(source, ends))[1] == self.call:
                yield from self._call(source)

    def _call(self, source: Source) -> Reading[None]:
        if self.prefix:
            yield from begins_with(source, [self.prefix])
        header, separator = yield from text_until(source, self.separators)
        if separator is None:
            if header.strip():
                yield Content((self.call or self.begin or "") + header)
            return
        found = _CALL_IDENTIFIER.fullmatch(header.strip())
        name = found["name"] if found and self.keeps_ids else header.strip()
        yield CallBegins(name, header.strip() if self.keeps_ids else None)
        yield from skip_space(source)
        yield from json_value(source, Arguments)
        if self.call_end is not None:
            yield from text_until(source, [self.call_end])
        if self.call is None:
            yield from skip_space(source)


HERMES = ObjectCalls(
    begin="<tool_call>",
    end="</tool_call>",
    opening='\n{"name": "NAME", "arguments": ',
    closing="}\n</tool_call>",
    between="\n<tool_call>",
    tags=("</tool_call>",),
)
LLAMA = ObjectCalls(
    begin=None,
    opening='{"name": "NAME", "parameters": ',
    closing="}",
    between="; ",
    tags=("<|python_tag|>",),
    id_length=16,
)
MISTRAL_LIST = ObjectCalls(
    begin="[TOOL_CALLS]",
    opening='{"name": "NAME", "arguments": ',
    closing="}",
    first=" [",
    between=", ",
    last="]",
    id_length=9,
    id_prefix="",
)
MISTRAL = NamedCalls(
    begin="[TOOL_CALLS]",
    opening="NAME[ARGS]",
    closing="",
    between="[TOOL_CALLS]",
    separators=("[ARGS]",),
    tags=("[ARGS]", "[CALL_ID]"),
    id_length=9,
    id_prefix="",
)
DEEPSEEK_V3 = NamedCalls(
    begin=_CALLS_BEGIN,
    first=_CALL_BEGIN,
    opening=f"function{_SEP}NAME\n```json\n",
    closing=f"\n```{_CALL_END}",
    between=f"\n{_CALL_BEGIN}",
    last=_CALLS_END,
    call=_CALL_BEGIN,
    prefix=f"function{_SEP}",
    separators=("\n```json\n",),
    call_end=_CALL_END,
    section_end=_CALLS_END,
    tags=(_CALL_BEGIN, _SEP, _CALL_END, _CALLS_END),
)
DEEPSEEK_V3_1 = NamedCalls(
    begin=_CALLS_BEGIN,
    first=_CALL_BEGIN,
    opening=f"NAME{_SEP}",
    closing=_CALL_END,
    between=_CALL_BEGIN,
    last=_CALLS_END,
    call=_CALL_BEGIN,
    separators=(_SEP,),
    call_end=_CALL_END,
    section_end=_CALLS_END,
    tags=DEEPSEEK_V3.tags,
)
KIMI_K2 = NamedCalls(
    begin="<|tool_calls_section_begin|>",
    first="<|tool_call_begin|>",
    opening="functions.NAME:INDEX<|tool_call_argument_begin|>",
    closing="<|tool_call_end|>",
    between="<|tool_call_begin|>",
    last="<|tool_calls_section_end|>",
    call="<|tool_call_begin|>",
    separators=("<|tool_call_argument_begin|>",),
    call_end="<|tool_call_end|>",
    section_end="<|tool_calls_section_end|>",
    keeps_ids=True,
    tags=(
        "<|tool_calls_section_end|>",
        "<|tool_call_begin|>",
        "<|tool_call_argument_begin|>",
        "<|tool_call_end|>",
    ),
)
