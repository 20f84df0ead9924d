"""A conversation as clients send it: messages, and how the chat template writes them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from max.serve.schemas.validation import ClientModel, Items, RequestModel

MAX_MESSAGES = 8192
MAX_PARTS = 8192

_MEDIA = re.compile("image|audio|video|file")


class ContentPart(RequestModel):
    """Part of a message's content.

    Gateways and agents put hints for other providers into parts (`cache_control`): they are
    ignored. Content of another kind is not: nothing that a user sent is left out of a prompt.
    """

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _holds_nothing_but_text(cls, part: Any) -> Any:
        names = part if isinstance(part, dict) else ()
        if media := [name for name in names if part[name] is not None and _MEDIA.search(name)]:
            raise PydanticCustomError(
                "media", "Input should be text alone, without {field}", {"field": repr(media[0])}
            )
        return part


class TextPart(ContentPart):
    """Text, which is what this release takes."""

    type: Literal["text"]
    text: str


class RefusalPart(ContentPart):
    """What an assistant said instead of an answer; the model sees it as text."""

    type: Literal["refusal"]
    refusal: str


class ChatMessage(ClientModel):
    """One message of the conversation: an answer, as any official client dumps it, is one."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[TextPart | RefusalPart], Items(MAX_PARTS)] | None = None
    name: str | None = None
    tool_calls: Annotated[list[dict[str, JsonValue]], Items(MAX_PARTS)] | None = None
    tool_call_id: str | None = None
    refusal: str | None = Field(
        default=None, description="Of an answer, beside its content: the model sees it as text."
    )
    reasoning_content: str | None = Field(
        default=None, description="What the assistant thought before, for templates that show it."
    )
    reasoning: str | None = Field(default=None, description="Its other name.")

    # Accepted without effect: parts of answers that say nothing to a model; `parsed` is the content
    # once more, where the official client has read it.
    parsed: JsonValue = None
    # A hint for other providers, as inside parts.
    cache_control: JsonValue = None
    annotations: list[JsonValue] | None = None
    provider_specific_fields: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _speakers_say_something(self) -> Self:
        if self.content is None and self.role in ("user", "system", "developer"):
            raise PydanticCustomError(
                "content", "Input should have a 'content': role {role}", {"role": repr(self.role)}
            )
        return self

    def template_content(self) -> str | list[dict[str, Any]] | None:
        """The content as `TextGenerationRequestMessage` has it, with what was refused."""
        if not self.refusal and not isinstance(self.content, list):
            return self.content
        if isinstance(self.content, list):
            texts = [p.text if isinstance(p, TextPart) else p.refusal for p in self.content]
        else:
            texts = [self.content] if self.content else []
        if self.refusal:
            texts.append(self.refusal)
        return [{"type": "text", "text": text} for text in texts]


class Conversation(RequestModel):
    """Messages, and how the chat template writes them."""

    messages: Annotated[list[ChatMessage], Items(MAX_MESSAGES)] = Field(min_length=1)
    add_generation_prompt: bool | None = Field(
        default=None,
        description="End with the beginning of an answer. By default true, unless the final"
        " message is continued.",
    )
    continue_final_message: bool | None = Field(
        default=None, description="The answer goes on where the final message ends."
    )
    chat_template_kwargs: dict[str, Any] | None = Field(
        default=None, description="Further variables of the chat template."
    )

    @field_validator("continue_final_message")
    @classmethod
    def _excludes_a_new_answer(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        if value and info.data.get("add_generation_prompt"):
            raise PydanticCustomError(
                "continue_final_message",
                "Input cannot be true beside 'add_generation_prompt': true: the answer either goes"
                " on with the final message or begins a new one",
            )
        return value

    @property
    def template_options(self) -> dict[str, Any]:
        """All variables of the chat template that the request sets."""
        own = {
            "add_generation_prompt": self.add_generation_prompt,
            "continue_final_message": self.continue_final_message,
        }
        if self.continue_final_message:
            own["add_generation_prompt"] = False
        given = {name: value for name, value in own.items() if value is not None}
        return given | (self.chat_template_kwargs or {})
