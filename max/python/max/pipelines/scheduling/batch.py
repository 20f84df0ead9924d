"""What a step computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from max.pipelines.scheduling.step_cost import StepShape

if TYPE_CHECKING:
    from max.pipelines.context import TextContext


@dataclass(frozen=True)
class Batch:
    """The requests of one step, oldest first; each one's `tokens.active` is what the step computes.

    Attributes:
        contexts: the requests; prompts and decoding ones mixed.
        input_tokens: tokens that the step computes.
        cached_tokens: tokens of these requests that are in the cache already.
        shape: what the step's time depends on.
        num_preempted: requests that had to give their pages up for this step.
        predicted_s: seconds that it was made to take; None where its tokens alone were limited.
    """

    contexts: list[TextContext]
    input_tokens: int
    cached_tokens: int
    shape: StepShape
    num_preempted: int = 0
    predicted_s: float | None = None

    @classmethod
    def of(
        cls,
        contexts: list[TextContext],
        num_preempted: int = 0,
        predicted_s: float | None = None,
    ) -> Batch:
        """The batch of these requests, whose active tokens are set."""
        input_tokens = sum(ctx.tokens.active_length for ctx in contexts)
        cached_tokens = sum(ctx.tokens.processed_length for ctx in contexts)
        if input_tokens == len(contexts):
            shape = StepShape(input_tokens, 0, cached_tokens + input_tokens)
        else:
            shape = StepShape.of((ctx, ctx.tokens.active_length) for ctx in contexts)
        return cls(contexts, input_tokens, cached_tokens, shape, num_preempted, predicted_s)
