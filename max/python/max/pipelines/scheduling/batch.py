"""What a step computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from max.pipelines.context import TextContext


@dataclass(frozen=True)
class Batch:
    """The requests of one step, oldest first; each one's `tokens.active` is what the step computes.

    Attributes:
        contexts: the requests; prompts and decoding ones mixed.
        input_tokens: tokens that the step computes.
        cached_tokens: tokens of these requests that are in the cache already.
        num_preempted: requests that had to give their pages up for this step.
    """

    contexts: list[TextContext]
    input_tokens: int
    cached_tokens: int
    num_preempted: int = 0

    @classmethod
    def of(cls, contexts: list[TextContext], num_preempted: int = 0) -> Batch:
        """The batch of these requests, whose active tokens are set."""
        return cls(
            contexts=contexts,
            input_tokens=sum(ctx.tokens.active_length for ctx in contexts),
            cached_tokens=sum(ctx.tokens.processed_length for ctx in contexts),
            num_preempted=num_preempted,
        )
