"""A prompt that is part of its answer, with the log probabilities of its tokens."""

from __future__ import annotations

import codecs
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

    def add(self, runs: Iterable[LogProbabilities]) -> None:
        """Takes the scores of further tokens."""
        self._runs += runs

    def scored_tokens(self, pieces: TokenPieces) -> list[ScoredToken]:
        """All tokens; the first one has no log probability."""
        scores = [(None, {}), *each_position(self._runs)]
        offsets = text_offsets(self.text, self._tokens, pieces)
        return [
            ScoredToken(token, score, best, offset)
            for token, (score, best), offset in zip(self._tokens, scores, offsets, strict=True)
        ]


def text_offsets(text: str, tokens: Iterable[int], pieces: TokenPieces) -> list[int]:
    """Where in `text` each of its tokens begins.

    A special token takes up room if the text has it in so many letters. Where the tokenizer has
    changed the text, as by Unicode normalization, offsets behind that are off by the difference.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    offsets = []
    position = 0
    for token in tokens:
        offsets.append(position)
        piece = pieces[token]
        if piece.bytes is None:
            gained = piece.text if text.startswith(piece.text, position) else ""
        else:
            gained = decoder.decode(piece.bytes)
        if position == 0 and gained.startswith(" ") and not text.startswith(" "):
            gained = gained[1:]  # SentencePiece puts a space before a text.
        position = min(position + len(gained), len(text))
    return offsets
