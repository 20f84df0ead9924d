"""From scored tokens to the log probabilities of a response."""

from __future__ import annotations

from collections.abc import Sequence

from max.pipelines.lib.token_pieces import TokenPieces
from max.serve.schemas.logprobs import (
    ChatLogprobs,
    CompletionLogprobs,
    TokenLogprob,
    TopLogprob,
)
from max.serve.scored_text import ScoredToken


def chat_logprobs(scores: Sequence[ScoredToken], pieces: TokenPieces) -> ChatLogprobs | None:
    """As in chat completions; None when there are none."""
    if not scores:
        return None
    return ChatLogprobs([_token_logprob(score, pieces) for score in scores])


def completion_logprobs(
    scores: Sequence[ScoredToken], pieces: TokenPieces
) -> CompletionLogprobs | None:
    """As in completions; None when there are none."""
    if not scores:
        return None
    return CompletionLogprobs(
        text_offset=[score.offset for score in scores],
        token_logprobs=[score.log_probability for score in scores],
        tokens=[pieces[score.token].text for score in scores],
        top_logprobs=[_top_by_text(score, pieces) for score in scores],
    )


def _token_logprob(score: ScoredToken, pieces: TokenPieces) -> TokenLogprob:
    assert score.log_probability is not None, "chat has no echo"
    best = [
        TopLogprob(pieces[token].text, logprob, _bytes(token, pieces))
        for token, logprob in score.best.items()
    ]
    text, own_bytes = pieces[score.token].text, _bytes(score.token, pieces)
    return TokenLogprob(text, score.log_probability, own_bytes, best)


def _bytes(token: int, pieces: TokenPieces) -> list[int] | None:
    content = pieces[token].bytes
    return None if content is None else list(content)


def _top_by_text(score: ScoredToken, pieces: TokenPieces) -> dict[str, float] | None:
    """Of tokens with the same text, as parts of characters have, the most likely one is shown."""
    if score.log_probability is None:
        return None
    shown: dict[str, float] = {}
    for token, logprob in [*score.best.items(), (score.token, score.log_probability)]:
        shown.setdefault(pieces[token].text, logprob)
    return shown
