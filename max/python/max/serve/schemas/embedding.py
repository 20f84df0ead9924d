"""`POST /v1/embeddings`: request body and response."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, Field, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from max.serve.schemas.completion import PROMPT_SCHEMA, parse_prompts
from max.serve.schemas.sampling_fields import INT32_MAX, Label
from max.serve.schemas.validation import RequestModel


class EmbeddingRequest(RequestModel):
    """The request body. `input` is normalised to a list of texts, or lists of token ids."""

    model: str
    input: Annotated[Any, AfterValidator(parse_prompts), WithJsonSchema(PROMPT_SCHEMA)]
    encoding_format: Literal["float", "base64"] | None = Field(
        default=None, description="base64 is of the bytes of little-endian float32."
    )
    dimensions: int | None = Field(
        default=None,
        ge=1,
        description="Give the first so many numbers of each vector, scaled to length 1.",
    )
    truncate_prompt_tokens: int | None = Field(
        default=None,
        ge=-1,
        le=INT32_MAX,
        description="Most tokens to read of a longer text; -1 for as many as the model can.",
    )
    user: Label | None = Field(default=None, description="Not used.")

    @field_validator("truncate_prompt_tokens")
    @classmethod
    def _is_not_zero(cls, value: int | None) -> int | None:
        if value == 0:
            raise PydanticCustomError("truncation", "Input should be at least 1, or -1")
        return value


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """One text's vector, as numbers or in base64."""

    object: str = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(msgspec.Struct, frozen=True):
    """The tokens of all texts, special ones included."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, frozen=True, kw_only=True):
    """The response body; vectors are in the order of the texts."""

    object: str = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
