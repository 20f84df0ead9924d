"""What a caller asks for: a prompt or a conversation, and how to sample the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from max.pipelines.context.exceptions import InputError
from max.pipelines.context.sampling_params import SamplingParams
from max.pipelines.modeling.request_id import RequestID


@dataclass(frozen=True)
class TextGenerationRequestMessage:
    """One message of a conversation, in OpenAI's form.

    Attributes:
        role: Who speaks: "system", "user", "assistant", "tool" or what the chat template knows.
        content: The text, or a list of content parts such as `{"type": "text", "text": "Hi"}`.
            None is for an assistant's message that only calls tools.
        name: The speaker's name, where the template uses it.
        tool_calls: The calls that the assistant made.
        tool_call_id: For role "tool": the call that this message answers.
        reasoning_content: What the assistant thought before it answered.
    """

    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None

    @classmethod
    def from_mapping(cls, message: Mapping[str, Any]) -> TextGenerationRequestMessage:
        """Reads `{"role": ..., "content": ...}`.

        Raises:
            InputError: If a key is unknown or the role is missing.
        """
        allowed = [item.name for item in fields(cls)]
        unknown = [key for key in message if key not in allowed]
        if unknown or "role" not in message:
            raise InputError(
                f"A message has the keys {sorted(map(str, message))}; it needs 'role' and may have "
                f"{', '.join(allowed)}.",
                param="messages",
            )
        return cls(**message)

    def to_template_mapping(self) -> dict[str, Any]:
        """The message as a chat template reads it: fields that were not given are absent."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            key: value
            for key, value in values.items()
            if value is not None or (key == "content" and not self.tool_calls)
        }


@dataclass(frozen=True, kw_only=True)
class TextGenerationRequest:
    """A request for generated text.

    Attributes:
        request_id: The request's name.
        model_name: The served name of the model (or LoRA adapter) that shall answer.
        prompt: The text, or its token ids. Exactly one of `prompt` and `messages` is given.
        messages: The conversation; plain mappings are read into `TextGenerationRequestMessage`.
        tools: Tool descriptions for the chat template, in OpenAI's form.
        response_format: OpenAI's `response_format`.
        sampling_params: How tokens are chosen and when the answer ends.
        chat_template_options: Further variables for the chat template.
        cache_salt: Requests share cached prefixes only with requests of the same salt.
        target_endpoint: The replica that shall serve the request, for a router.
        logprobs: How many of the best tokens' log probabilities to return beside each token's own;
            None for none at all.
        echo: Whether to return those of the prompt too.
    """

    request_id: RequestID = field(default_factory=RequestID)
    model_name: str = ""
    prompt: str | Sequence[int] | None = None
    messages: Sequence[TextGenerationRequestMessage] = ()
    tools: Sequence[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    sampling_params: SamplingParams = field(default_factory=SamplingParams)
    chat_template_options: dict[str, Any] | None = None
    cache_salt: str | None = None
    target_endpoint: str | None = None
    logprobs: int | None = None
    echo: bool = False

    def __post_init__(self) -> None:
        """Checks that there is exactly one input, and reads messages given as mappings.

        Raises:
            InputError: If both or neither of `prompt` and `messages` are given.
        """
        if (self.prompt is None) == (not self.messages):
            given = "neither was" if self.prompt is None else "both were"
            raise InputError(
                f"A request has either a prompt or messages; {given} given.",
                param="prompt" if self.prompt is not None else "messages",
            )
        messages = [
            message
            if isinstance(message, TextGenerationRequestMessage)
            else TextGenerationRequestMessage.from_mapping(message)
            for message in self.messages
        ]
        object.__setattr__(self, "messages", messages)
