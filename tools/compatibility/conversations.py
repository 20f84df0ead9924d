"""Conversations as OpenAI's clients send them, and as transformers' users write them."""

from __future__ import annotations

from typing import Any, NamedTuple

Messages = list[dict[str, Any]]


class Conversation(NamedTuple):
    """One conversation in two forms, which mean the same.

    Attributes:
        name: what is special about it.
        sent: as OpenAI's clients send it.
        plain: as transformers' users write it: texts, arguments as objects.
        tools: descriptions of tools.
    """

    name: str
    sent: Messages
    plain: Messages
    tools: list[dict[str, Any]] | None = None


_USER = {"role": "user", "content": "What is the weather in Paris?"}
_SYSTEM = {"role": "system", "content": "You are brief."}
_ANSWER = {"role": "assistant", "content": "Sunny."}
_AGAIN = {"role": "user", "content": "And in Rome?"}
_PARTS = {"role": "user", "content": [{"type": "text", "text": _USER["content"]}]}
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a place.",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string", "description": "A town."}},
                "required": ["place"],
            },
        },
    }
]


def _call(arguments: Any, **content: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    call = {"id": "call_123", "type": "function", "function": function}
    return {"role": "assistant", "tool_calls": [call], **content}


_RESULT = {"role": "tool", "tool_call_id": "call_123", "content": "sunny", "name": "weather"}
_OBJECT, _TEXT = {"place": "Paris"}, '{"place": "Paris"}'

CONVERSATIONS = (
    Conversation("one question", [_USER], [_USER]),
    Conversation("system", [_SYSTEM, _USER], [_SYSTEM, _USER]),
    Conversation("turns", [_USER, _ANSWER, _AGAIN], [_USER, _ANSWER, _AGAIN]),
    Conversation(
        "system and turns", [_SYSTEM, _USER, _ANSWER, _AGAIN], [_SYSTEM, _USER, _ANSWER, _AGAIN]
    ),
    Conversation("parts", [_PARTS], [_USER]),
    Conversation(
        "null fields",
        [{**_USER, "name": None}, {**_ANSWER, "tool_calls": None}, _AGAIN],
        [_USER, _ANSWER, _AGAIN],
    ),
    Conversation("tools", [_USER], [_USER], _TOOLS),
    Conversation(
        "a tool's result",
        [_USER, _call(_TEXT, content=None), _RESULT],
        [_USER, _call(_OBJECT, content=""), _RESULT],
        _TOOLS,
    ),
    Conversation(
        "a tool's result and a turn",
        [_SYSTEM, _USER, _call(_TEXT, content=None), _RESULT, _ANSWER, _AGAIN],
        [_SYSTEM, _USER, _call(_OBJECT, content=""), _RESULT, _ANSWER, _AGAIN],
        _TOOLS,
    ),
)
