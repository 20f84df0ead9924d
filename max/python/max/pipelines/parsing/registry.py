"""The formats by name, and which one a model writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from max.pipelines.parsing.answer import AnswerParser
from max.pipelines.parsing.calls import Tool
from max.pipelines.parsing.formats import json_calls, parameter_calls, python_calls
from max.pipelines.parsing.formats.base import ToolFormat
from max.pipelines.parsing.formats.gemma_calls import GEMMA4
from max.pipelines.parsing.formats.harmony import HARMONY
from max.pipelines.parsing.reasoning import (
    GEMMA_THINK,
    MISTRAL_THINK,
    SEED_THINK,
    THINK,
    ReasoningFormat,
)

NONE = "none"
TOOL_FORMATS: Mapping[str, ToolFormat] = {
    "llama": json_calls.LLAMA,
    "hermes": json_calls.HERMES,
    "mistral": json_calls.MISTRAL,
    "mistral_list": json_calls.MISTRAL_LIST,
    "deepseekv3": json_calls.DEEPSEEK_V3,
    "deepseekv3_1": json_calls.DEEPSEEK_V3_1,
    "kimik2_5": json_calls.KIMI_K2,
    "qwen3_5": parameter_calls.QWEN3_CODER,
    "minimax_m2": parameter_calls.MINIMAX_M2,
    "pythonic": python_calls.PYTHONIC,
    "olmo3": python_calls.OLMO3,
    "gemma4": GEMMA4,
    "harmony": HARMONY,
}
# Those of channels are told from the rest by the format of calls.
REASONING_FORMATS: Mapping[str, ReasoningFormat | None] = {
    "think": THINK,
    "kimik2_5": THINK,
    "minimax_m2": THINK,
    "qwen3_5": THINK,
    "mistral": MISTRAL_THINK,
    "seed": SEED_THINK,
    "gemma4": GEMMA_THINK,
    "harmony": None,
}
# What a chat template shows of the format, the more particular one first.
_TOOL_SIGNS: Sequence[tuple[str, Callable[[str], bool]]] = (
    ("harmony", lambda text: "<|channel|>" in text and "<|message|>" in text),
    ("qwen3_5", lambda text: "<tool_call>" in text and "<function=" in text),
    ("minimax_m2", lambda text: "<minimax:tool_call>" in text),
    ("kimik2_5", lambda text: "<|tool_calls_section_begin|>" in text),
    ("deepseekv3", lambda text: "\uff5ctool\u2581calls" in text and "```json" in text),
    ("deepseekv3_1", lambda text: "\uff5ctool\u2581calls" in text),
    ("gemma4", lambda text: "<|tool_call>" in text and "<tool_call|>" in text),
    ("hermes", lambda text: "<tool_call>" in text),
    ("mistral", lambda text: "[TOOL_CALLS]" in text and "[ARGS]" in text),
    ("mistral_list", lambda text: "[TOOL_CALLS]" in text),
    ("olmo3", lambda text: "<function_calls>" in text),
    ("pythonic", lambda text: "[func_name1(" in text),
)
_REASONING_SIGNS = (
    ("harmony", "<|channel|>"),
    ("seed", "</seed:think>"),
    ("gemma4", "<channel|>"),
    ("mistral", "[/THINK]"),
    ("think", "</think>"),
)


@dataclass(frozen=True)
class AnswerFormats:
    """How a model writes what is not plain content.

    Attributes:
        tools: How it calls tools; None where that is off.
        reasoning: How it writes what it thinks; None where it does not, or where that is off.
        in_channels: Its reasoning and its content are told apart by the format of its calls.
    """

    tools: ToolFormat | None = None
    reasoning: ReasoningFormat | None = None
    in_channels: bool = False

    def parser(self, tools: Sequence[Tool], prompt: str) -> AnswerParser | None:
        """What takes apart an answer to this prompt; None if it is all content."""
        calls = self.tools if tools else None
        if self.in_channels:
            return AnswerParser(None, HARMONY, tools)
        if calls is None and self.reasoning is None:
            return None
        is_open = self.reasoning is not None and self.reasoning.is_open(prompt)
        return AnswerParser(self.reasoning, calls, tools, is_open=is_open)

    def tags(self, *, with_tools: bool) -> frozenset[str]:
        """The texts that have to be seen, special tokens or not."""
        found = [self.reasoning.begin, self.reasoning.end] if self.reasoning else []
        formats = [HARMONY] if self.in_channels else []
        for each in [*formats, *([self.tools] if self.tools and with_tools else [])]:
            found += [*each.tags, *([each.begin] if each.begin else [])]
        return frozenset(found)


def formats_for(
    template: str, tool_parser: Any = None, reasoning_parser: Any = None
) -> AnswerFormats:
    """The formats of a model.

    Args:
        template: Its chat template.
        tool_parser: The name of its format of calls, or the format; "none" for none of them; by
            default what the template shows, else Llama's.
        reasoning_parser: Likewise; by default what the template shows, else none.

    Raises:
        ValueError: If there is no format of that name.
    """
    if tool_parser is None:
        tool_parser = next((name for name, shows in _TOOL_SIGNS if shows(template)), "llama")
    if reasoning_parser is None:
        reasoning_parser = next((name for name, tag in _REASONING_SIGNS if tag in template), NONE)
    tools = _named(tool_parser, TOOL_FORMATS, "tool")
    reasoning = _named(reasoning_parser, REASONING_FORMATS, "reasoning")
    return AnswerFormats(tools, reasoning, in_channels=reasoning_parser == "harmony")


def _named(given: Any, known: Mapping[str, Any], kind: str) -> Any:
    if not isinstance(given, str):
        return given
    if given != NONE and given not in known:
        raise ValueError(f"Unknown {kind} parser: {given!r}. Available: {sorted(known)}")
    return known.get(given)
