"""`POST /tokenize` and `POST /detokenize`, in vLLM's form."""

from __future__ import annotations

from typing import Annotated

import msgspec
from pydantic import FailFast, Field

from max.serve.schemas.conversation import Conversation
from max.serve.schemas.sampling_fields import INT32_MAX
from max.serve.schemas.validation import RequestModel


class TokenizePromptRequest(RequestModel):
    """A text whose tokens are wanted."""

    model: str | None = None
    prompt: str
    add_special_tokens: bool = Field(
        default=True, description="Add those that the model expects, as /v1/completions does."
    )
    return_token_strs: bool = False


class TokenizeChatRequest(Conversation):
    """A conversation whose tokens are wanted."""

    model: str | None = None
    add_special_tokens: bool | None = Field(
        default=None,
        description="By default as /v1/chat/completions does: the chat template writes them.",
    )
    return_token_strs: bool = False


class Tokenization(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a text; `token_strs` are there when they were asked for."""

    count: int
    max_model_len: int
    tokens: list[int]
    token_strs: list[str] | None = None


class DetokenizeRequest(RequestModel):
    """Tokens whose text is wanted."""

    model: str | None = None
    tokens: Annotated[list[Annotated[int, Field(ge=0, le=INT32_MAX)]], FailFast()]


class Detokenization(msgspec.Struct, frozen=True):
    """The text of tokens, special ones included."""

    prompt: str
