"""Tests of `max.pipelines.sampling.grammars.masks`."""

from __future__ import annotations

import numpy as np
import torch

from max.pipelines.sampling.grammars.follower import set_bits
from max.pipelines.sampling.grammars.masks import mask_logits

INF = torch.inf


def bits_of(*tokens: int, words: int = 1) -> np.ndarray:
    bits = np.zeros(words, np.int32)
    set_bits(bits, tokens, True)
    return bits


def test_each_row_has_its_own_mask_or_none() -> None:
    logits = torch.arange(96.0).reshape(3, 32)
    before = logits.clone()

    got = mask_logits(logits, {0: bits_of(0, 9, 31), 2: bits_of(3)})

    expected = torch.full((3, 32), -INF)
    expected[0, [0, 9, 31]] = torch.tensor([0.0, 9.0, 31.0])
    expected[1] = before[1]
    expected[2, 3] = 67.0
    assert torch.equal(got, expected)
    assert torch.equal(logits, before)


def test_the_mask_wins_over_what_left_it_nothing() -> None:
    """Else the request could not go on: a logits processor forbids what the grammar demands."""
    logits = torch.tensor([[1.0, -INF, -INF, 2.0]])

    assert mask_logits(logits, {0: bits_of(1, 2)}).tolist() == [[-INF, 0.0, 0.0, -INF]]
