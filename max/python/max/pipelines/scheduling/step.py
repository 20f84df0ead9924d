"""A step from its launch until it is collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from max.pipelines.context import StepScores, TextContext
from max.pipelines.modeling.types import RequestID

if TYPE_CHECKING:
    import torch


class StepResult(NamedTuple):
    """What the model gave: tokens, and the log probabilities of each request or none at all."""

    tokens: Sequence[int]
    scores: Sequence[StepScores]


class LaunchedStep(NamedTuple):
    """A step whose requests count as further already: `tokens` have advanced, new ones are pending.

    Attributes:
        contexts: its requests.
        processed: how far each one's tokens are processed after it.
        sampled: the requests that get a token, and which of the result's it is.
        result: waits for the model; raises what went wrong there.
        given: the result's tokens where they were chosen, int64 [tokens], as soon as the model was
            started: on an accelerator before the host knows them.
        needs_collect: whether no further step of its requests can be launched before it is
            collected: penalties and log probabilities, for instance, need the token itself.
    """

    contexts: Sequence[TextContext]
    processed: Sequence[int]
    sampled: Mapping[RequestID, int]
    result: Callable[[], StepResult]
    given: Callable[[], torch.Tensor]
    needs_collect: bool
