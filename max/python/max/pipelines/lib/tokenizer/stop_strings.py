"""Finds stop strings in a text that arrives in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class _Pattern:
    """A stop string and its failure table (Knuth, Morris and Pratt, 1977).

    `failure[n]` is the length of the longest proper prefix of the text that ends its first n + 1
    characters.
    """

    text: str
    failure: tuple[int, ...]

    @classmethod
    @lru_cache(maxsize=64)  # The choices of a request share theirs.
    def of(cls, text: str) -> _Pattern:
        failure = [0] * len(text)
        matched = 0
        for position in range(1, len(text)):
            while matched and text[position] != text[matched]:
                matched = failure[matched - 1]
            matched += text[position] == text[matched]
            failure[position] = matched
        return cls(text, tuple(failure))

    def advance(self, matched: int, character: str) -> int:
        """How many characters of the text are matched after one more character."""
        while matched and self.text[matched] != character:
            matched = self.failure[matched - 1]
        return matched + (self.text[matched] == character)


class StopStringMatcher:
    """Lets text through up to the first stop string, holding back what may become one.

    The first to be complete wins; of those that are complete at the same character, the longest.
    The result does not depend on how the text is cut into pieces.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        """Prepares the search.

        Raises:
            ValueError: If a stop string is empty.
        """
        if any(not text for text in stop):
            raise ValueError("Stop strings may not be empty.")
        self._patterns = [_Pattern.of(text) for text in stop]
        self._matched = [0] * len(stop)
        self._held = ""
        self._stopped: str | None = None

    @property
    def stopped(self) -> str | None:
        """The stop string that was found."""
        return self._stopped

    def push(self, text: str) -> str:
        """Takes the next piece; returns what certainly comes before any stop string."""
        if self._stopped is not None:
            return ""
        if not self._patterns:
            return text
        for position, character in enumerate(text):
            complete = self._advance(character)
            if complete:
                self._stopped = complete
                seen, self._held = self._held + text[: position + 1], ""
                return seen[: -len(complete)]
        seen = self._held + text
        safe = len(seen) - max(self._matched)
        self._held = seen[safe:]
        return seen[:safe]

    def finish(self) -> str:
        """Returns what was held back, of which no stop string came; nothing is pushed after it."""
        return self._held

    def _advance(self, character: str) -> str:
        """Moves every pattern on by one character; returns the longest one that is complete."""
        complete = ""
        for index, pattern in enumerate(self._patterns):
            matched = pattern.advance(self._matched[index], character)
            self._matched[index] = matched
            if matched == len(pattern.text) and matched > len(complete):
                complete = pattern.text
        return complete
