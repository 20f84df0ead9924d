"""What follows a grammar, whichever library does it."""

from __future__ import annotations

from typing import Protocol


class Matcher(Protocol):
    """A grammar and how far tokens have got in it; llguidance's `LLMatcher` is one."""

    def deep_copy(self) -> Matcher:
        """Another one at the same place."""

    def consume_tokens(self, tokens: list[int]) -> bool:
        """Goes on by some tokens; an error if they do not fit."""

    def is_error(self) -> bool:
        """Whether it cannot go on."""

    def get_error(self) -> str:
        """Why."""

    def is_accepting(self) -> bool:
        """Whether the sentence may end here."""

    def unsafe_compute_mask_ptr(self, pointer: int, num_bytes: int) -> None:
        """Writes a bit per token that may come to memory, the lowest of the first word first."""
