"""`POST /v1/completions`: request body, response, stream chunks."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, cast

import msgspec
from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from max.serve.schemas.logprobs import MAX_TOP_LOGPROBS, CompletionLogprobs
from max.serve.schemas.sampling_fields import INT32_MAX, MAX_CHOICES, SamplingFields
from max.serve.schemas.usage import Usage

MAX_PROMPTS = 2048

Prompt: TypeAlias = str | list[int]


_TOKENS_SCHEMA = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": INT32_MAX},
    "minItems": 1,
}
PROMPT_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        _TOKENS_SCHEMA,
        {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, _TOKENS_SCHEMA]},
            "minItems": 1,
            "maxItems": MAX_PROMPTS,
        },
    ]
}


def _is_token_ids(value: JsonValue) -> bool:
    if not isinstance(value, list) or set(map(type, value)) != {int}:
        return False
    tokens = cast("list[int]", value)
    return min(tokens) >= 0 and max(tokens) <= INT32_MAX


def parse_prompts(value: JsonValue) -> list[Prompt]:
    """One of the four documented forms, as a list of prompts."""
    prompts: Any
    if isinstance(value, str) or _is_token_ids(value):
        prompts = [value]
    elif isinstance(value, list) and value:
        prompts = value
    else:
        prompts = []
    if not prompts or not all(isinstance(p, str) or _is_token_ids(p) for p in prompts):
        raise PydanticCustomError(
            "prompt_type",
            "Input should be a string, a list of strings, a list of token ids"
            " or a list of lists of token ids, and not empty",
        )
    if len(prompts) > MAX_PROMPTS:
        raise PydanticCustomError(
            "prompt_count", "Input should have at most {limit} prompts", {"limit": MAX_PROMPTS}
        )
    return list(prompts)


class CompletionRequest(SamplingFields):
    """The request body. `prompt` is normalised to a list of prompts."""

    prompt: Annotated[Any, AfterValidator(parse_prompts), WithJsonSchema(PROMPT_SCHEMA)]
    max_tokens: int | None = Field(
        default=None, ge=0, le=INT32_MAX, description="0 is for echo: only the prompt comes back."
    )
    echo: bool | None = Field(
        default=None,
        description="Begin each text with its prompt, and the log probabilities with the prompt's;"
        " for servers started with --enable-echo.",
    )
    logprobs: int | None = Field(
        default=None,
        ge=0,
        le=MAX_TOP_LOGPROBS,
        description="Return the log probability of each token, and those of so many most likely"
        " tokens in its place.",
    )
    best_of: int | None = Field(
        default=None, ge=1, le=MAX_CHOICES, description="Only the value of `n` is supported."
    )

    @field_validator("best_of")
    @classmethod
    def _is_n(cls, value: int | None, info: ValidationInfo) -> int | None:
        n = info.data.get("n") or 1
        if value not in (None, n):
            raise PydanticCustomError(
                "best_of",
                "Input should be n, which is {n}: this server returns all answers that it"
                " generates, and does not choose among them",
                {"n": n},
            )
        return value

    @property
    def log_probabilities(self) -> int | None:
        return self.logprobs


class CompletionChoice(msgspec.Struct, frozen=True):
    """One completion, or what a chunk adds to it."""

    index: int
    text: str
    finish_reason: str | None = None
    logprobs: CompletionLogprobs | None = None


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The response body, and each event of a stream."""

    id: str
    object: str = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage | None = None
