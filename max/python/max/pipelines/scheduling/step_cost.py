"""How long a step takes, learned from the steps that ran.

    seconds = step + streams x stream + prompt tokens x token + attended x pair

The four prices are fitted to one mean observation for each shape of a batch, so that what was
learned of a shape stays when others run for a while; times are put down relative to how slow the
machine is of late, so that shapes which are not seen follow it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from max.pipelines.context import TextContext

# What the prices are before anything else is known, in that of a token: a step that computes
# nothing, a stream, a token of a prompt, a pair. Of a model with a billion weights in bfloat16 on
# two cores they are 2 to 8, 1.2, 1 and 1 / 8,000.
_USUAL_PRICES = np.array([8.0, 1.0, 1.0, 1 / 4096])

# How much the usual prices count beside observations, which count 1 at most.
_USUAL_WEIGHT = 0.01

# An observation counts as much shorter or longer than expected at most: a program that took the
# cores for a moment is an outlier, and a machine that became slower is followed within a few steps.
_MOST_SURPRISE = 2.0

_LEAST_S = 1e-6  # that a step takes; clocks may tell less
_NEW_SHARE = 0.5  # of an observation, in the mean of those of its shape
_DRIFT_SHARE = 0.25  # of a surprise that is put down to the whole machine
_HALF_LIFE = 64  # observations after which a shape that is not seen again counts half
_MOST_SHAPES = 64


class StepShape(NamedTuple):
    """What a step's time depends on.

    Attributes:
        streams: requests of which it computes one token.
        prompt_tokens: tokens of all others.
        attended: pairs of a token that it computes and one at or before it in its request.
    """

    streams: int
    prompt_tokens: int
    attended: int

    @classmethod
    def of(cls, shares: Iterable[tuple[TextContext, int]]) -> StepShape:
        """The shape of a step that computes so many tokens of each request."""
        streams = prompt_tokens = attended = 0
        for ctx, share in shares:
            streams += share == 1
            prompt_tokens += share if share > 1 else 0
            attended += share * ctx.tokens.processed_length + share * (share + 1) // 2
        return cls(streams, prompt_tokens, attended)


class Prices(NamedTuple):
    """Seconds of a step that computes nothing, of a stream, of a token of a prompt, of a pair."""

    step: float
    stream: float
    token: float
    pair: float


class _Seen(NamedTuple):
    features: npt.NDArray[np.float64]
    seconds: float
    at: int


class StepCost:
    """Prices of a step's parts, which follow the machine.

    Args:
        typical_s: seconds of the steps of interest: those that take about as long count most.
    """

    def __init__(self, typical_s: float) -> None:
        self._typical_s = typical_s
        self._seen: OrderedDict[tuple[int, int], _Seen] = OrderedDict()
        self._num_observed = 0
        self._slowness = 1.0
        self._prices: Prices | None = None

    def predict(self, shape: StepShape) -> float:
        """Seconds that such a step takes; 0 before the first observation."""
        if not self._seen:
            return 0.0
        if self._prices is None:
            self._prices = Prices(*self._fit().tolist())
        step, stream, token, pair = self._prices
        return self._slowness * (
            step + shape.streams * stream + shape.prompt_tokens * token + shape.attended * pair
        )

    def observe(self, shape: StepShape, seconds: float) -> None:
        """Such a step took so long."""
        seconds = max(seconds, _LEAST_S)
        if expected := self.predict(shape):
            ratio = min(max(seconds / expected, 1 / _MOST_SURPRISE), _MOST_SURPRISE)
            seconds = ratio * expected
            self._slowness *= ratio**_DRIFT_SHARE
        seconds /= self._slowness
        features = np.array([1, *shape], dtype=np.float64)
        kind = (shape.streams.bit_length(), shape.prompt_tokens.bit_length())
        if (before := self._seen.pop(kind, None)) is not None:
            features = before.features + _NEW_SHARE * (features - before.features)
            seconds = before.seconds + _NEW_SHARE * (seconds - before.seconds)
        elif len(self._seen) == _MOST_SHAPES:
            self._seen.popitem(last=False)
        self._num_observed += 1
        self._seen[kind] = _Seen(features, seconds, self._num_observed)
        self._prices = None

    def _fit(self) -> npt.NDArray[np.float64]:
        """Least squares of the relative errors, held near the usual prices."""
        seconds = np.array([seen.seconds for seen in self._seen.values()])
        features = np.array([seen.features for seen in self._seen.values()]) * _USUAL_PRICES
        ages = self._num_observed - np.array([seen.at for seen in self._seen.values()])
        weights = np.minimum(seconds / self._typical_s, self._typical_s / seconds)
        weights *= 0.5 ** (ages / _HALF_LIFE)
        weights /= weights.max()
        rows = features / seconds[:, None]
        # One price of a token for all parts, the best; then each part's relative to it.
        token = np.average(1 / rows.sum(axis=1), weights=weights)
        rows *= token
        normal = rows.T @ (rows * weights[:, None]) + _USUAL_WEIGHT * np.eye(4)
        relative = np.linalg.solve(normal, rows.T @ weights + _USUAL_WEIGHT)
        prices: npt.NDArray[np.float64] = np.maximum(relative, 0) * token * _USUAL_PRICES
        return prices
