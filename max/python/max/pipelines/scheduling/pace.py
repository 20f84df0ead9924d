"""How many tokens of prompts a step computes beside running streams: as many as its time allows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from max.pipelines.scheduling.budget import split
from max.pipelines.scheduling.deviation import Deviation
from max.pipelines.scheduling.step_cost import StepCost, StepShape

if TYPE_CHECKING:
    from max.pipelines.context import TextContext

# Fewer rows beside the streams leave too much of the cores' arithmetic unused.
MIN_PROMPT_TOKENS = 24

# Of their multiples a step is made: each new number of tokens costs the recording of a program.
_TOKENS_TOGETHER = 4


class SizedStep(NamedTuple):
    """What a step computes.

    Attributes:
        shares: tokens of each request.
        predicted_s: seconds that they should take; None where time does not limit them, and where
            nothing is known of it yet.
    """

    shares: list[int]
    predicted_s: float | None = None


class Pace:
    """Keeps the steps of running streams within a time.

    Where nobody waits for a next token, prompts get all tokens of a step. Beside streams they get
    `MIN_PROMPT_TOKENS` however long that takes, or those of a large model would starve.

    Args:
        target_s: seconds within which nearly all steps of streams and prompts end: they are made
            to take less, by as much as predictions were wrong of late.
    """

    def __init__(self, target_s: float) -> None:
        self._target_s = target_s
        self._cost = StepCost(target_s)
        self._deviation = Deviation()
        self._streams_alone: tuple[StepShape, float] | None = None

    def split(
        self,
        contexts: Sequence[TextContext],
        lacking: Sequence[int],
        tokens: int,
        used: Sequence[float] = (),
    ) -> SizedStep:
        """Splits a step's tokens, or fewer, among requests; arguments as of `budget.split`."""
        streams = lacking.count(1)
        if not 0 < streams < len(lacking):
            return SizedStep(split(lacking, tokens, used))
        if self._streams_alone is not None:
            self._cost.observe(*self._streams_alone)
            self._streams_alone = None

        limit_s = self._target_s / self._deviation.most

        def seconds(shares: Sequence[int]) -> float:
            return self._cost.predict(StepShape.of(zip(contexts, shares, strict=True)))

        def filled(tokens: int) -> list[int]:
            return split(lacking, tokens, used, fill=True)

        shares = split(lacking, tokens, used)
        if seconds(shares) > limit_s:
            most = range(min(tokens, sum(lacking)))
            least = min(len(most), streams + MIN_PROMPT_TOKENS)
            fitting = bisect_right(
                most, limit_s, lo=least, key=lambda tokens: seconds(filled(tokens))
            )
            together = (fitting - 1) // _TOKENS_TOGETHER * _TOKENS_TOGETHER
            shares = filled(max(least, together))
        return SizedStep(shares, seconds(shares) or None)

    def observe(self, shape: StepShape, seconds: float, predicted_s: float | None = None) -> None:
        """A step of that shape took so long, and was made to take so long, if time limited it."""
        if predicted_s is not None:
            self._deviation.observe(seconds / predicted_s)
        if shape.prompt_tokens:
            self._cost.observe(shape, seconds)
        else:
            # Such steps are many and alike: the last one is looked at when it matters.
            self._streams_alone = shape, seconds
