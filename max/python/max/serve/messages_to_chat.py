"""Anthropic's form of a conversation as a chat completion's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from max.serve.errors import invalid_value
from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.messages import (
    CountTokensRequest,
    InputMessage,
    MessagesRequest,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from max.serve.schemas.validation import make_request

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def as_chat(body: CountTokensRequest) -> ChatCompletionRequest:
    """The same request as a chat completion's.

    Raises:
        ApiError: 400 if a tool shall be used and is not named, or a block is of the other role.
    """
    fields: dict[str, Any] = {
        "model": body.model,
        "messages": [
            *([{"role": "system", "content": _text(body.system)}] if body.system else []),
            *(each for message in body.messages for each in _messages(message)),
        ],
    }
    if body.tools:
        fields["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.input_schema,
                },
            }
            for tool in body.tools
        ]
    if body.tool_choice is not None:
        fields |= _choice(body)
    if body.thinking is not None:
        fields["chat_template_kwargs"] = {"enable_thinking": body.thinking.type != "disabled"}
        fields["thinking_token_budget"] = body.thinking.budget_tokens
    if isinstance(body, MessagesRequest):
        fields |= {
            "max_tokens": body.max_tokens,
            "temperature": body.temperature,
            "top_p": body.top_p,
            "top_k": body.top_k,
            "stop": body.stop_sequences,
            "stream": body.stream,
        }
    return make_request(ChatCompletionRequest, fields)


def _choice(body: CountTokensRequest) -> dict[str, Any]:
    choice = body.tool_choice
    assert choice is not None, "the caller has looked"
    fields: dict[str, Any] = {}
    if choice.disable_parallel_tool_use is not None:
        fields["parallel_tool_calls"] = not choice.disable_parallel_tool_use
    if choice.type != "tool":
        return fields | {"tool_choice": _CHOICES[choice.type]}
    if choice.name is None:
        raise invalid_value("tool_choice of type 'tool' needs a 'name'", "tool_choice")
    return fields | {"tool_choice": {"type": "function", "function": {"name": choice.name}}}


def _messages(message: InputMessage) -> list[dict[str, Any]]:
    """A message; results of tools, which come in a user's, are messages of their own."""
    if isinstance(message.content, str):
        return [{"role": message.role, "content": message.content}]
    allowed: tuple[type, ...] = (TextBlock, ToolResultBlock)
    if message.role == "assistant":
        allowed = (TextBlock, ThinkingBlock, ToolUseBlock)
    for block in message.content:
        if not isinstance(block, allowed):
            raise invalid_value(
                f"messages: role '{message.role}' has no content of type '{block.type}'", "messages"
            )
    results = [
        {"role": "tool", "tool_call_id": block.tool_use_id, "content": _text(block.content or "")}
        for block in message.content
        if isinstance(block, ToolResultBlock)
    ]
    texts = [block for block in message.content if isinstance(block, TextBlock)]
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": json.dumps(block.input)},
        }
        for block in message.content
        if isinstance(block, ToolUseBlock)
    ]
    thoughts = [b.thinking for b in message.content if isinstance(b, ThinkingBlock)]
    if results and not texts:
        return results
    own: dict[str, Any] = {"role": message.role, "content": _text(texts)}
    if calls:
        own["tool_calls"] = calls
    if thoughts:
        own["reasoning_content"] = "".join(thoughts)
    return [*results, own]


def _text(content: str | Sequence[TextBlock]) -> str:
    return content if isinstance(content, str) else "\n".join(block.text for block in content)
