"""Bounds what one answer takes."""

from __future__ import annotations

from max.serve.errors import answer_too_large

# In JSON: `{"token": ..., "logprob": ..., "bytes": [...]}`, or an entry of an object.
BYTES_PER_SCORE = 64


# As an entry of a dictionary in Python.
HELD_BYTES_PER_SCORE = 100


def num_scores(tokens: int, alternatives: int | None) -> int:
    """The log probabilities of tokens, with those of so many others in each one's place."""
    return 0 if alternatives is None else tokens * (1 + alternatives)


class AnswerSize:
    """Counts about how many bytes an answer has, all of its choices together.

    Args:
        limit: Most bytes.
        alternatives: Log probabilities beside each token's own; None when there are none at all.
    """

    def __init__(self, limit: int, alternatives: int | None) -> None:
        self._limit = limit
        self._bytes_per_token = num_scores(1, alternatives) * BYTES_PER_SCORE
        self._total = 0

    def add(self, characters: int, tokens: int) -> None:
        """Adds text, and tokens whose log probabilities are given.

        Raises:
            ApiError: 400 when it is too much.
        """
        self._total += characters + tokens * self._bytes_per_token
        if self._total > self._limit:
            raise answer_too_large(self._limit)
