"""How many tokens of each request a step computes."""

from __future__ import annotations


class TokenBudget:
    """The tokens of one step, dealt out request by request.

    Args:
        limit: tokens of the step.
        chunked: whether a request may get a part of what it lacks.
    """

    def __init__(self, limit: int, *, chunked: bool = True) -> None:
        self.limit = limit
        self.chunked = chunked
        self.used = 0

    @property
    def left(self) -> int:
        """Tokens that are not dealt out; never negative."""
        return max(0, self.limit - self.used)

    def offer(self, remaining: int) -> int:
        """How many tokens a request that lacks `remaining` may compute in this step; 0 is none.

        Without chunking that is all or nothing; one that is longer than the whole budget gets all
        when nobody else is in the step.
        """
        if remaining <= self.left:
            return remaining
        if self.chunked:
            return self.left
        return remaining if self.used == 0 else 0

    def spend(self, tokens: int) -> None:
        """Deals out tokens that were offered."""
        self.used += tokens
