"""Tokens with their log probabilities, given out along with the text that they make."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from max.pipelines.context import LogProbabilities
from max.pipelines.lib.stream_decoder import StreamDecoder

# A token's own log probability, and those of the best tokens in its place.
Score: TypeAlias = tuple[float, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class ScoredToken:
    """A token and how likely the model found it.

    Attributes:
        token: Its id.
        log_probability: None for the first token of a prompt, which follows nothing.
        best: The most likely tokens in its place, best first, with their log probabilities.
        offset: Where in the choice's text it begins. A token that only completes a character
            begins where that does; one without text, where the next text would begin.
    """

    token: int
    log_probability: float | None
    best: Mapping[int, float]
    offset: int


class ScoredText:
    """Decodes tokens, and gives out each one's score with the text in which it begins.

    So a token is given out once, none whose text a stop string cuts off whole, and the tokens of a
    character come with it.

    Args:
        decoder: Of the choice's text.
        offset: How much text comes before.
    """

    def __init__(self, decoder: StreamDecoder, offset: int = 0) -> None:
        self._decoder = decoder
        self._start = offset
        self._end = offset
        self._held: deque[ScoredToken] = deque()

    def push(self, tokens: Sequence[int], scores: Iterable[Score]) -> str:
        """Takes tokens with their scores; returns the text that is certain now."""
        pieces = []
        for token, score in zip(tokens, scores, strict=True):
            if self._decoder.stopped is None:
                self.add(token, score)
                pieces.append(self._decoder.push([token]))
        return "".join(pieces)

    def add(self, token: int, score: Score) -> None:
        """Takes a token that is not part of the text."""
        offset = self._start + self._decoder.text_length
        self._held.append(ScoredToken(token, *score, offset))

    def release(self, text: str, *, is_last: bool) -> list[ScoredToken]:
        """The tokens that begin in the text that is given out now.

        Args:
            text: What the choice gains.
            is_last: Whether it is the end of the text, and no stop string cut it.
        """
        self._end += len(text)
        released = []
        while self._held and (is_last or self._held[0].offset < self._end):
            released.append(self._held.popleft())
        return released


def each_position(scores: Iterable[LogProbabilities]) -> Iterator[Score]:
    """The positions of consecutive runs, one by one."""
    for run in scores:
        yield from zip(run.token_log_probabilities, run.top_log_probabilities, strict=True)
