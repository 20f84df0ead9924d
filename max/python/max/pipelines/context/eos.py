"""Which tokens end an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EOSTracker:
    """Which tokens end an answer, and from when on.

    Attributes:
        eos_token_ids: The model's end tokens.
        stop_token_ids: The request's own end tokens; they count under `ignore_eos` too.
        ignore_eos: The model's end tokens are ordinary tokens.
        min_new_tokens: No end before this many tokens; the end token is not one of them.
    """

    eos_token_ids: frozenset[int] = frozenset()
    stop_token_ids: frozenset[int] = frozenset()
    ignore_eos: bool = False
    min_new_tokens: int = 0

    @property
    def end_token_ids(self) -> frozenset[int]:
        """Every token that may end the answer."""
        return self.stop_token_ids if self.ignore_eos else self.stop_token_ids | self.eos_token_ids

    def is_end(self, token: int, generated_length: int) -> bool:
        """Whether `token`, the last of `generated_length` generated ones, ends the answer."""
        if generated_length <= self.min_new_tokens:
            return False
        return token in self.stop_token_ids or (not self.ignore_eos and token in self.eos_token_ids)

    def forbidden_next(self, generated_length: int) -> frozenset[int]:
        """The tokens that may not come next, after `generated_length` generated ones."""
        if generated_length >= self.min_new_tokens:
            return frozenset()
        return self.end_token_ids
