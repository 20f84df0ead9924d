"""Decoding steps in a row: what they have in common is kept, what differs is changed in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from max.pipelines.context import TextContext
from max.pipelines.lib.interfaces.model_io import DecodeChanges, ModelInputs
from max.pipelines.lib.log_probabilities import ScoredStep
from max.pipelines.modeling.request_id import RequestID
from max.pipelines.sampling.sampler import SamplingBatch


class PreparedStep(NamedTuple):
    """All that a step needs before the model runs.

    Attributes:
        contexts: its requests.
        model_inputs: of their active tokens.
        rows: the requests that get a token.
        sampled: the same by their ids, with their place among those.
        sampling: how the tokens are chosen.
        scored: what log probabilities are wanted; None for none.
    """

    contexts: Sequence[TextContext]
    model_inputs: ModelInputs
    rows: list[int]
    sampled: Mapping[RequestID, int]
    sampling: SamplingBatch
    scored: ScoredStep | None


class SteadyBatch:
    """Requests that decode, a token of each in every step, the most likely one.

    Args:
        step: of them, which ran or runs; its inputs are those of the next one from `next_step` on.
        changes: what of these changes.
        num_page_moves: of the cache, when they were made.
    """

    def __init__(self, step: PreparedStep, changes: DecodeChanges, num_page_moves: int) -> None:
        self._step = step
        self._changes = changes
        self._num_page_moves = num_page_moves
        self._processed = [ctx.tokens.processed_length for ctx in step.contexts]

    @classmethod
    def of(cls, step: PreparedStep, num_page_moves: int) -> SteadyBatch | None:
        """That of a step, before it runs; None if later ones may differ in more than they tell."""
        is_decoding = all(ctx.tokens.remaining_length == 1 for ctx in step.contexts)
        if not is_decoding or step.scored is not None or not step.sampling.is_plain:
            return None
        changes = step.model_inputs.decode_changes
        if changes is None or not np.array_equal(changes.tokens, _last_tokens(step.contexts)):
            return None  # A model may give its graph other tokens.
        return cls(step, changes, num_page_moves)

    def next_step(
        self, contexts: Sequence[TextContext], num_page_moves: int
    ) -> PreparedStep | None:
        """The step after the last one; None if it is no such step, and this is of no more use."""
        if num_page_moves != self._num_page_moves or len(contexts) != len(self._processed):
            return None
        for place, (ctx, known) in enumerate(zip(contexts, self._step.contexts, strict=True)):
            tokens = ctx.tokens
            self._processed[place] += 1
            goes_on = tokens.processed_length == self._processed[place]
            if ctx is not known or not goes_on or tokens.remaining_length != 1:
                return None
        self._changes.tokens[:] = _last_tokens(contexts)
        for numbers in self._changes.growing:
            numbers += 1
        return self._step


def _last_tokens(contexts: Sequence[TextContext]) -> NDArray[np.int64]:
    return np.concatenate([ctx.tokens.active for ctx in contexts])
