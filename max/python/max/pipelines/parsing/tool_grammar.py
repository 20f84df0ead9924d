"""Grammars of tool calls, in the format that the model writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.formats.base import ToolFormat
from max.pipelines.sampling.grammars.texts import quoted


def call_grammar(
    format: ToolFormat,
    tools: Sequence[Tool],
    special_tokens: Mapping[str, int],
    *,
    many: bool,
    is_begun: bool = False,
) -> str:
    """Calls of these tools and nothing else.

    Args:
        format: How they are written.
        tools: Which may be called.
        special_tokens: Those of the tokenizer, which no text stands for.
        many: Whether there may be several calls.
        is_begun: Only what follows the tag that begins them.

    Raises:
        GrammarError: If a tool's parameters cannot be compiled.
    """

    def write(text: str) -> str:
        return expression(text, special_tokens)

    begin = "" if is_begun else format.begin or ""
    rules = format.rules(tools, write, many=many)
    return "\n".join(["%llguidance {}", f"start: {write(begin)} calls", *rules])


def expression(text: str, special_tokens: Mapping[str, int]) -> str:
    """An expression for a text in which there may be special tokens."""
    found = [(at, -len(each), each) for each in special_tokens if (at := text.find(each)) >= 0]
    if not found:
        return quoted(text)
    at, _, token = min(found)
    before = f"{quoted(text[:at])} " if at else ""
    rest = text[at + len(token) :]
    after = f" {expression(rest, special_tokens)}" if rest else ""
    return f"{before}<[{special_tokens[token]}]>{after}"
