"""A request for a response as a chat completion's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from max.serve.schemas.chat import ChatCompletionRequest
from max.serve.schemas.responses import (
    AnyItem,
    FunctionCallItem,
    FunctionOutputItem,
    InputRefusal,
    InputText,
    ReasoningItemInput,
    ResponseSchemaFormat,
    ResponsesRequest,
    ResponseToolChoice,
)
from max.serve.schemas.validation import make_request


def input_messages(body: ResponsesRequest) -> list[dict[str, Any]]:
    """The messages of a request's input; calls in a row are one message of the assistant's."""
    if isinstance(body.input, str):
        return [{"role": "user", "content": body.input}]
    messages: list[dict[str, Any]] = []
    for item in body.input:
        message = _message(item)
        last = messages[-1] if messages else None
        if last is not None and _continues(last, message):
            last.setdefault("tool_calls", []).extend(message.get("tool_calls", ()))
            last["content"] = last.get("content") or message.get("content")
        else:
            messages.append(message)
    return messages


def as_chat(body: ResponsesRequest, messages: Sequence[dict[str, Any]]) -> ChatCompletionRequest:
    """The same request as a chat completion's, for a conversation of these messages."""
    system = [{"role": "system", "content": body.instructions}] if body.instructions else []
    fields: dict[str, Any] = {
        "model": body.model,
        "messages": [*system, *messages],
        "max_completion_tokens": body.max_output_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "stream": body.stream,
        "parallel_tool_calls": body.parallel_tool_calls,
    }
    if body.tools:
        fields["tools"] = [
            {"type": "function", "function": tool.model_dump(exclude={"type"}, exclude_none=True)}
            for tool in body.tools
        ]
    choice = body.tool_choice
    if isinstance(choice, ResponseToolChoice):
        choice_fields = {"type": "function", "function": {"name": choice.name}}
        fields["tool_choice"] = choice_fields
    else:
        fields["tool_choice"] = choice
    form = body.text.format if body.text else None
    if isinstance(form, ResponseSchemaFormat):
        schema = {"name": form.name, "schema": form.schema_, "strict": form.strict}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form is not None:
        fields["response_format"] = {"type": form.type}
    return make_request(ChatCompletionRequest, fields)


def _continues(last: dict[str, Any], message: dict[str, Any]) -> bool:
    """Whether two messages of the assistant's are one: thoughts, text and calls of an answer."""
    both = last["role"] == message["role"] == "assistant"
    return both and bool(message.get("tool_calls") or "reasoning_content" in last)


def _message(item: AnyItem) -> dict[str, Any]:
    match item:
        case FunctionCallItem():
            function = {"name": item.name, "arguments": item.arguments}
            call = {"id": item.call_id, "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        case FunctionOutputItem():
            return {"role": "tool", "tool_call_id": item.call_id, "content": _text(item.output)}
        case ReasoningItemInput():
            thought = "".join(part.text for part in item.content or ())
            return {"role": "assistant", "content": None, "reasoning_content": thought}
    return {"role": item.role, "content": _text(item.content)}


def _text(content: str | Sequence[InputText | InputRefusal]) -> str:
    return content if isinstance(content, str) else "\n".join(part.text for part in content)
