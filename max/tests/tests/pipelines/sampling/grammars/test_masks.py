"""Tests of `max.pipelines.sampling.grammars.masks`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from max.pipelines.sampling.grammars.follower import set_bits
from max.pipelines.sampling.grammars.masks import mask_logits

INF = torch.inf


def bits_of(*tokens: int, words: int = 1) -> np.ndarray:
    bits = np.zeros(words, np.int32)
    set_bits(bits, tokens, True)
    return bits


def test_forbidden_tokens_are_at_minus_infinity_and_others_as_they_were() -> None:
    row = torch.arange(32.0)

    mask_logits(row, bits_of(0, 9, 31))

    expected = torch.full((32,), -INF)
    expected[[0, 9, 31]] = torch.tensor([0.0, 9.0, 31.0])
    assert torch.equal(row, expected)


@pytest.mark.parametrize("size", [5, 30, 33, 70])
def test_any_size_of_vocabulary_will_do(size: int) -> None:
    """A mask may be wider than the logits, or have less: what it does not have is forbidden."""
    row = torch.zeros(size)

    mask_logits(row, bits_of(1, 4, 31))

    assert {i for i in range(size) if row[i] == 0} == {i for i in (1, 4, 31) if i < size}


def test_infinite_logits_are_masked_too() -> None:
    row = torch.full((32,), INF)

    mask_logits(row, bits_of(3))

    assert row[3] == INF
    assert (row == -INF).sum() == 31


def test_the_mask_wins_over_what_left_it_nothing() -> None:
    """Else the request could not go on: a logits processor forbids what the grammar demands."""
    row = torch.tensor([1.0, -INF, -INF, 2.0])

    mask_logits(row, bits_of(1, 2))

    assert row.tolist() == [-INF, 0.0, 0.0, -INF]


def test_nan_stays_to_be_found() -> None:
    row = torch.tensor([0.0, torch.nan])

    mask_logits(row, bits_of(0, 1))

    assert row.isnan().tolist() == [False, True]


def test_other_devices_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their way has no numpy in it; here it runs on the CPU."""
    given = torch.randn(64)
    expected, row = given.clone(), given.clone()
    mask_logits(expected, bits_of(5, 40, words=2))
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)

    mask_logits(row, bits_of(5, 40, words=2))

    assert torch.equal(row, expected)
    hopeless = torch.full((64,), -INF)
    mask_logits(hopeless, bits_of(5, words=2))
    assert hopeless[5] == 0
    assert (hopeless == -INF).sum() == 63
