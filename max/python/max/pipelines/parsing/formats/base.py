"""What a format of tool calls is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.source import Reading, Source
from max.pipelines.sampling.grammars.texts import json_grammar

# How a grammar writes a text in which there may be special tokens.
Write = Callable[[str], str]


class ToolFormat(ABC):
    """How a model writes tool calls."""

    # The tag that begins calls; None where nothing tells them from other text. What follows it is
    # enforced by a grammar.
    begin: str | None = None
    # Other texts that may be special tokens, which are shown for it.
    tags: tuple[str, ...] = ()
    # Characters of the ids that are made for calls, after a prefix.
    id_length = 24
    id_prefix = "call_"

    @abstractmethod
    def read(self, source: Source, tools: Sequence[Tool]) -> Reading[None]:
        """Finds content and calls, until the text ends. It never fails: the rest is content."""

    @abstractmethod
    def rules(self, tools: Sequence[Tool], write: Write, *, many: bool) -> list[str]:
        """Rules of a grammar of which `calls` is what follows `begin`, in the form of Lark.

        Args:
            tools: Which may be called.
            write: Makes an expression of a text.
            many: Whether there may be several calls.
        """


def arguments_rule(schema: Any) -> str:
    """An expression for JSON text that fits a schema."""
    return "%json " + json.dumps(json.loads(json_grammar(schema))["grammars"][0]["json_schema"])


def repeated(call: str, between: str, *, many: bool) -> str:
    """An expression for one call, or for several with a text between them."""
    return f"{call} ({between} {call})*" if many else call
