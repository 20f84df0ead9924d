"""`POST /v1/messages`, as Anthropic's clients ask: request body, response, events of a stream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import ConfigDict, Field, JsonValue

from max.serve.schemas.conversation import MAX_MESSAGES, MAX_PARTS
from max.serve.schemas.sampling_fields import INT32_MAX, MAX_LABELS, MAX_STOP_STRINGS, Label
from max.serve.schemas.structured import Schema
from max.serve.schemas.tools import FUNCTION_NAME, MOST_TOOLS
from max.serve.schemas.validation import ClientModel, Items, RequestModel


class Block(RequestModel):
    """Part of a message. Hints for other providers (`cache_control`, `citations`) are ignored."""

    model_config = ConfigDict(extra="ignore")


class TextBlock(Block):
    """Text."""

    type: Literal["text"]
    text: str


class ThinkingBlock(Block):
    """What the model thought before, for templates that show it."""

    type: Literal["thinking"]
    thinking: str


class ToolUseBlock(Block):
    """A call that the model made."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: Schema


class ToolResultBlock(Block):
    """What a call gave."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | Annotated[list[TextBlock], Items(MAX_PARTS)] | None = None
    is_error: bool | None = None


AnyBlock = Annotated[
    TextBlock | ThinkingBlock | ToolUseBlock | ToolResultBlock, Field(discriminator="type")
]


class InputMessage(ClientModel):
    """One message of the conversation: an answer, as the official client dumps it, is one."""

    role: Literal["user", "assistant"]
    content: str | Annotated[list[AnyBlock], Items(MAX_PARTS)]

    # Accepted without effect: what an answer says of itself.
    id: str | None = None
    type: Literal["message"] | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: dict[str, JsonValue] | None = None


class MessageTool(Block):
    """A function that the model may call."""

    type: Literal["custom"] | None = None
    name: str = Field(pattern=FUNCTION_NAME)
    description: str | None = None
    input_schema: Schema


class MessageToolChoice(RequestModel):
    """Whether a tool has to be used."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = Field(default=None, description="Of the tool, for type tool.")
    disable_parallel_tool_use: bool | None = None


class Thinking(RequestModel):
    """Whether the model thinks first, and after how many tokens that is closed."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = Field(default=None, ge=1, le=INT32_MAX)


class CountTokensRequest(ClientModel):
    """The request body of `/v1/messages/count_tokens`, and what `/v1/messages` has of it."""

    model: str
    messages: Annotated[list[InputMessage], Items(MAX_MESSAGES)] = Field(min_length=1)
    system: str | Annotated[list[TextBlock], Items(MAX_PARTS)] | None = None
    tools: Annotated[list[MessageTool], Items(MOST_TOOLS)] | None = None
    tool_choice: MessageToolChoice | None = None
    thinking: Thinking | None = None


class MessagesRequest(CountTokensRequest):
    """The request body."""

    max_tokens: int = Field(ge=1, le=INT32_MAX)
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=1, le=INT32_MAX)
    stop_sequences: (
        Annotated[list[Annotated[str, Field(min_length=1)]], Items(MAX_STOP_STRINGS)] | None
    ) = None
    stream: bool | None = None

    # Accepted without effect: they label a request.
    metadata: Annotated[dict[str, Any], Items(MAX_LABELS)] | None = None
    service_tier: Label | None = None


class TextContent(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """Text of an answer."""

    text: str


class ThinkingContent(msgspec.Struct, frozen=True, tag_field="type", tag="thinking"):
    """What the model thought; nothing is signed here."""

    thinking: str
    signature: str = ""


class ToolUseContent(msgspec.Struct, frozen=True, tag_field="type", tag="tool_use"):
    """A call."""

    id: str
    name: str
    input: Any


AnswerContent = TextContent | ThinkingContent | ToolUseContent


class MessageUsage(msgspec.Struct, frozen=True):
    """Token counts."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int = 0


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The response body."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    model: str
    content: list[AnswerContent]
    stop_reason: str | None
    stop_sequence: str | None
    usage: MessageUsage


class TokenCount(msgspec.Struct, frozen=True):
    """How many tokens a prompt has."""

    input_tokens: int


class MessageStart(msgspec.Struct, frozen=True, tag_field="type", tag="message_start"):
    """The message, without what is to come."""

    message: Message


class BlockStart(msgspec.Struct, frozen=True, tag_field="type", tag="content_block_start"):
    """Content begins."""

    index: int
    content_block: AnswerContent


class TextMore(msgspec.Struct, frozen=True, tag_field="type", tag="text_delta"):
    """More text."""

    text: str


class ThinkingMore(msgspec.Struct, frozen=True, tag_field="type", tag="thinking_delta"):
    """More of what the model thinks."""

    thinking: str


class InputMore(msgspec.Struct, frozen=True, tag_field="type", tag="input_json_delta"):
    """More of the JSON text of a call's input."""

    partial_json: str


class BlockDelta(msgspec.Struct, frozen=True, tag_field="type", tag="content_block_delta"):
    """More of the content that began last."""

    index: int
    delta: TextMore | ThinkingMore | InputMore


class BlockStop(msgspec.Struct, frozen=True, tag_field="type", tag="content_block_stop"):
    """Content is complete."""

    index: int


class StopDelta(msgspec.Struct, frozen=True):
    """Why the message ended."""

    stop_reason: str
    stop_sequence: str | None


class MessageDelta(msgspec.Struct, frozen=True, tag_field="type", tag="message_delta"):
    """The message ends."""

    delta: StopDelta
    usage: MessageUsage


class MessageStop(msgspec.Struct, frozen=True, tag_field="type", tag="message_stop"):
    """The stream ends."""


MESSAGE_EVENTS = (MessageStart, BlockStart, BlockDelta, BlockStop, MessageDelta, MessageStop)
