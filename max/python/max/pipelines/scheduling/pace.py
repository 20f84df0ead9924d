"""How many tokens of prompts a step computes beside running streams: as many as its time allows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from max.pipelines.scheduling.budget import split
from max.pipelines.scheduling.step_cost import StepCost, StepShape

if TYPE_CHECKING:
    from max.pipelines.context import TextContext

# Fewer rows beside the streams leave too much of the cores' arithmetic unused.
MIN_PROMPT_TOKENS = 24


class StepBudget(NamedTuple):
    """What a step may compute.

    Attributes:
        tokens: most tokens.
        predicted_s: seconds that they should take; None where time does not limit them.
    """

    tokens: int
    predicted_s: float | None = None


class Pace:
    """Keeps the steps of running streams within a time.

    Where nobody waits for a next token, prompts get all tokens of a step. Beside streams they get
    `MIN_PROMPT_TOKENS` however long that takes, or those of a large model would starve.

    Args:
        target_s: seconds that a step of streams and prompts may take.
    """

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s
        self._cost = StepCost(target_s)
        self._streams_alone: tuple[StepShape, float] | None = None

    def budget(
        self, contexts: Sequence[TextContext], lacking: Sequence[int], most: int
    ) -> StepBudget:
        """What a step may split among requests that lack so many tokens each: `most` or less."""
        streams = lacking.count(1)
        if not 0 < streams < len(lacking):
            return StepBudget(most)
        if self._streams_alone is not None:
            self._cost.observe(*self._streams_alone)
            self._streams_alone = None

        def seconds(tokens: int) -> float:
            shares = split(lacking, tokens)
            return self._cost.predict(StepShape.of(zip(contexts, shares, strict=True)))

        most = min(most, sum(lacking))
        least = min(most, streams + MIN_PROMPT_TOKENS)
        tokens = most
        if seconds(most) > self._target_s:
            most_fitting = bisect_right(range(most), self._target_s, lo=least, key=seconds) - 1
            tokens = max(least, most_fitting)
        return StepBudget(tokens, seconds(tokens))

    def observe(self, shape: StepShape, seconds: float) -> None:
        """A step of that shape took so long."""
        if shape.prompt_tokens:
            self._cost.observe(shape, seconds)
        else:
            # Such steps are many and alike: the last one is looked at when it matters.
            self._streams_alone = shape, seconds
