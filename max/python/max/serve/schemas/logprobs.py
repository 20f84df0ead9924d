"""Log probabilities as chat completions and as completions tell them."""

from __future__ import annotations

import msgspec

# As OpenAI's chat completions; its completions stop at 5.
MAX_TOP_LOGPROBS = 20


class TopLogprob(msgspec.Struct, frozen=True):
    """A token that could stand at a position.

    `bytes` is what the token adds to the text in UTF-8, null for special tokens, which add nothing.
    """

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(msgspec.Struct, frozen=True):
    """The token that stands at a position, and the most likely ones there."""

    token: str
    logprob: float
    bytes: list[int] | None
    top_logprobs: list[TopLogprob]


class ChatLogprobs(msgspec.Struct, frozen=True):
    """The log probabilities of a message's tokens."""

    content: list[TokenLogprob]
    refusal: None = None


class CompletionLogprobs(msgspec.Struct, frozen=True):
    """The log probabilities of a completion's tokens: four lists with one entry for each.

    `top_logprobs` has the best tokens, and the one that stands there if it is not among them. The
    first token of an echoed prompt has no log probability. `text_offset` is the place in `text`.
    """

    text_offset: list[int]
    token_logprobs: list[float | None]
    tokens: list[str]
    top_logprobs: list[dict[str, float] | None]
