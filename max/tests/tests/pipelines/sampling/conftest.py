"""Requests to sample, and a statistical test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer


def _make_context(
    prompt: Sequence[int] = (1, 2, 3),
    generated: Sequence[int] = (),
    *,
    end_tokens: Sequence[int] = (),
    **params: Any,
) -> TextContext:
    return TextContext(
        max_length=10_000,
        tokens=TokenBuffer([*prompt, *generated], prompt_length=len(prompt)),
        eos_tracker=EOSTracker(
            eos_token_ids=frozenset(end_tokens), min_new_tokens=params.get("min_new_tokens", 0)
        ),
        sampling_params=SamplingParams(**params),
    )


def _assert_fits(counts: Sequence[int], probabilities: Sequence[float]) -> None:
    """Pearson's chi-square test at four standard deviations.

    With df degrees of freedom the statistic has mean df and variance 2 df; it is close to normal
    for the many degrees of freedom used here.
    """
    observed = np.asarray(counts, np.float64)
    expected = np.asarray(probabilities, np.float64) * observed.sum()
    assert observed[expected == 0].sum() == 0
    observed, expected = observed[expected > 0], expected[expected > 0]
    assert expected.min() >= 5, "too few samples for a chi-square test"
    freedom = observed.size - 1
    statistic = float(((observed - expected) ** 2 / expected).sum())
    assert statistic < freedom + 4 * (2 * freedom) ** 0.5


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The machine is shared."""
    torch.set_num_threads(1)


@pytest.fixture
def make_context() -> Callable[..., TextContext]:
    """`make_context(prompt, generated, end_tokens=(), **sampling_params)` makes a request."""
    return _make_context


@pytest.fixture
def assert_fits() -> Callable[[Sequence[int], Sequence[float]], None]:
    """`assert_fits(counts, probabilities)`: the counts can come from the distribution."""
    return _assert_fits
