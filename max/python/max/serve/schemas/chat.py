"""`POST /v1/chat/completions`: request body, response, stream chunks."""

from __future__ import annotations

import msgspec
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from max.serve.schemas.conversation import Conversation
from max.serve.schemas.logprobs import MAX_TOP_LOGPROBS, ChatLogprobs
from max.serve.schemas.sampling_fields import INT32_MAX, SamplingFields
from max.serve.schemas.tools import ToolCall, ToolCallDelta, ToolFields
from max.serve.schemas.usage import Usage


class ChatCompletionRequest(Conversation, ToolFields, SamplingFields):
    """The request body."""

    max_completion_tokens: int | None = Field(
        default=None, ge=1, le=INT32_MAX, description="Wins over its older name max_tokens."
    )
    thinking_token_budget: int | None = Field(
        default=None,
        ge=1,
        le=INT32_MAX,
        description="After so many tokens, reasoning is closed; for models with reasoning tags.",
    )
    logprobs: bool | None = Field(
        default=None, description="Return the log probability of each token of the answer."
    )
    top_logprobs: int | None = Field(
        default=None,
        ge=0,
        le=MAX_TOP_LOGPROBS,
        description="Beside it, those of so many most likely tokens; needs `logprobs`.",
    )

    @field_validator("top_logprobs")
    @classmethod
    def _needs_logprobs(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value and not info.data.get("logprobs"):
            raise PydanticCustomError("top_logprobs", "Input needs 'logprobs' to be true")
        return value

    @property
    def completion_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def log_probabilities(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None


class AnswerMessage(msgspec.Struct, frozen=True):
    """The model's message."""

    content: str | None
    role: str = "assistant"
    refusal: None = None
    reasoning: str | msgspec.UnsetType = msgspec.UNSET
    # Its other name, which older clients read.
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[ToolCall] | msgspec.UnsetType = msgspec.UNSET


class ChatChoice(msgspec.Struct, frozen=True):
    """One answer."""

    index: int
    message: AnswerMessage
    finish_reason: str | None
    logprobs: ChatLogprobs | None = None


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """The response body."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class ChatDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a chunk adds to a message."""

    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


class ChatChunkChoice(msgspec.Struct, frozen=True):
    """What a chunk adds to one answer."""

    index: int
    delta: ChatDelta
    finish_reason: str | None = None
    logprobs: ChatLogprobs | None = None


class ChatCompletionChunk(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a stream."""

    id: str
    object: str = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: Usage | None = None
