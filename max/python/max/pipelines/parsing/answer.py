"""An answer taken apart while it comes."""

from __future__ import annotations

from collections.abc import Sequence

from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.events import Content, Event
from max.pipelines.parsing.formats.base import ToolFormat
from max.pipelines.parsing.reasoning import ReasoningFormat
from max.pipelines.parsing.source import Reading, Source, until


class AnswerParser:
    """Finds reasoning, content and tool calls in a text that comes in pieces.

    What it gives for all pieces together does not depend on how the text was cut.

    Args:
        reasoning: How reasoning is written; None if there is none to be found.
        tools: How calls are written; None if there are none to be found.
        callable: The functions that may be called.
        is_open: Whether the answer begins inside reasoning.
    """

    def __init__(
        self,
        reasoning: ReasoningFormat | None = None,
        tools: ToolFormat | None = None,
        callable: Sequence[Tool] = (),
        *,
        is_open: bool = False,
    ) -> None:
        self._source = Source()
        self._source.is_reasoning = is_open
        self._reading = self._read(reasoning, tools, callable, is_open)

    @property
    def is_reasoning(self) -> bool:
        """Whether what comes next is thought by the model, as far as is known."""
        return self._source.is_reasoning

    def push(self, text: str) -> list[Event]:
        """Takes more text; returns what is certain now."""
        self._source.text += text
        return self._found()

    def finish(self) -> list[Event]:
        """Ends the text; returns what was held back."""
        self._source.is_over = True
        return self._found()

    def _found(self) -> list[Event]:
        events = []
        for event in self._reading:
            if event is None:
                break
            events.append(event)
        return events

    def _read(
        self,
        reasoning: ReasoningFormat | None,
        tools: ToolFormat | None,
        callable: Sequence[Tool],
        is_open: bool,
    ) -> Reading[None]:
        if reasoning is not None:
            yield from reasoning.read(self._source, is_open=is_open)
        if tools is not None:
            yield from tools.read(self._source, callable)
        else:
            yield from until(self._source, (), Content)
