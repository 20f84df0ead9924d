"""The format of gpt-oss, https://cookbook.openai.com/articles/openai-harmony: messages in channels.

Reasoning is in the channel "analysis", the answer in "final", and calls are messages to a function.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.events import Arguments, CallBegins, Content, Event, Reasoning
from max.pipelines.parsing.formats.base import ToolFormat, Write, arguments_rule
from max.pipelines.parsing.source import Reading, Source, begins_with, text_until, until

_TO = re.compile(r"to=functions\.([\w-]+)")
_ENDS = ("<|end|>", "<|call|>", "<|return|>")
_MESSAGE = "<|message|>"


@dataclass(frozen=True, kw_only=True)
class Harmony(ToolFormat):
    """Messages, each with a header that says where it goes."""

    tags: tuple[str, ...] = ("<|start|>", "<|channel|>", "<|constrain|>", _MESSAGE, *_ENDS)

    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        yield from begins_with(source, ["<|start|>assistant"])
        # A recipient may come before the channel.
        while place := (yield from begins_with(source, ["<|channel|>", " to="])):
            source.is_reasoning = True  # until the header says otherwise: a model thinks first
            header, end = yield from text_until(source, [_MESSAGE])
            header = place.removeprefix("<|channel|>") + header
            source.is_reasoning = header.startswith("analysis")
            if end is None:
                return
            called = _TO.search(header)
            if called is not None:
                yield CallBegins(called[1])
            make: type[Event] = Content
            if called is not None:
                make = Arguments
            elif source.is_reasoning:
                make = Reasoning
            yield from until(source, _ENDS, make)
            source.is_reasoning = False
            yield from begins_with(source, ["<|start|>assistant"])
        yield from until(source, (), Content)

    def rules(self, tools: Sequence[Tool], write: Write, *, many: bool) -> list[str]:
        """A call, after reasoning if there is any. An answer has one: its end ends the answer."""
        analysis = f"{write('<|channel|>analysis<|message|>')} TEXT {write('<|end|>')}"
        return [
            f"calls: ({analysis} {write('<|start|>assistant')})? call",
            "call: " + " | ".join(f"call_{number}" for number in range(len(tools))),
            *(
                f"call_{number}: "
                + write(
                    f"<|channel|>commentary to=functions.{tool.name} <|constrain|>json{_MESSAGE}"
                )
                + f" {arguments_rule(tool.parameters)}"
                for number, tool in enumerate(tools)
            ),
            r"TEXT: /(.|\n)*/",
        ]


HARMONY = Harmony()
