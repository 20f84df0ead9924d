"""Token counts of a request."""

from __future__ import annotations

import msgspec


class PromptTokensDetails(msgspec.Struct, frozen=True):
    """How the prompt's tokens were had: `cached_tokens` of them were not computed again."""

    cached_tokens: int = 0


class CompletionTokensDetails(msgspec.Struct, frozen=True):
    """What the answer's tokens were for: `reasoning_tokens` of them were thought."""

    reasoning_tokens: int


class Usage(msgspec.Struct, frozen=True):
    """Exact counts: each prompt once, the tokens of all its choices, stop tokens included."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails = PromptTokensDetails()
    completion_tokens_details: CompletionTokensDetails | msgspec.UnsetType = msgspec.UNSET
