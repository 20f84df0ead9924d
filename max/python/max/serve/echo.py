"""A prompt that is part of its answer, with the log probabilities of its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from max.pipelines.context import LogProbabilities
from max.pipelines.lib.token_pieces import TokenPieces
from max.serve.scored_text import ScoredToken, each_position


class EchoedPrompt:
    """Collects the scores of a prompt's tokens, which come chunk by chunk.

    Args:
        text: What the answer begins with.
        tokens: The prompt as the model read it.
    """

    def __init__(self, text: str, tokens: Sequence[int]) -> None:
        self.text = text
        self._tokens = tokens
        self._runs: list[LogProbabilities] = []

    @property
    def num_tokens(self) -> int:
        """How many tokens the prompt has."""
        return len(self._tokens)

    def add(self, runs: Iterable[LogProbabilities]) -> None:
        """Takes the scores of further tokens."""
        self._runs += runs

    def scored_tokens(self, pieces: TokenPieces) -> list[ScoredToken]:
        """All tokens; the first one has no log probability."""
        scores = [(None, {}), *each_position(self._runs)]
        offsets = pieces.offsets(self.text, self._tokens)
        return [
            ScoredToken(token, score, best, offset)
            for token, (score, best), offset in zip(self._tokens, scores, offsets, strict=True)
        ]
