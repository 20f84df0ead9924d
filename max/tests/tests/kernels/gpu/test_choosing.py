"""Choosing tokens in the interpreter, against the reference."""

# build: size = "medium"

from __future__ import annotations

import importlib

import pytest
import torch

from max.kernels.choose_tokens.reference import choose_tokens_reference
from max.kernels.penalize_logits.reference import IN_PROMPT, penalize_logits_reference
from tests.kernels.gpu.interpreter import interpreted

# top_k (0: no limit), top_p, min_p
LIMITS: list[tuple[int, float, float]] = [
    (0, 1.0, 0.0),
    (5, 1.0, 0.0),
    (0, 0.8, 0.0),
    (0, 1.0, 0.05),
    (40, 0.9, 0.01),
    (60, 0.99, 0.0),  # more than are near the best
]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for op in ("choose_tokens", "penalize_logits"):
        kernels = importlib.import_module(f"max.kernels.{op}.triton")
        monkeypatch.setattr(kernels, "BLOCK", 64)


def choose(logits: torch.Tensor, limits: tuple[int, float, float], seed: int) -> None:
    """Compares both for one uniform number per row."""
    rows, vocab_size = logits.shape
    top_k, top_p, min_p = limits
    arguments = (
        logits,
        torch.full((rows,), top_k or vocab_size),
        torch.full((rows,), top_p, dtype=torch.float64),
        torch.full((rows,), min_p, dtype=torch.float64),
        torch.rand(rows, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)),
    )
    got = interpreted("choose_tokens")(*arguments)
    assert got.tolist() == choose_tokens_reference(*arguments).tolist()


@pytest.mark.parametrize("limits", LIMITS)
def test_agrees_with_the_reference(limits: tuple[int, float, float]) -> None:
    torch.manual_seed(0)
    logits = torch.tensor([[0.5], [3.0]]) * torch.randn(2, 120)
    choose(logits - logits.amax(-1, keepdim=True), limits, 1)


@pytest.mark.parametrize("limits", LIMITS[1:5:3])
def test_ties_and_tokens_that_are_excluded(limits: tuple[int, float, float]) -> None:
    torch.manual_seed(0)
    logits = torch.randint(-3, 1, (3, 70)).float()
    logits[0, ::3] = -torch.inf
    logits[1] = -torch.inf
    logits[1, 7] = 0.0
    choose(logits, limits, 2)


def test_no_rows() -> None:
    empty = torch.empty(0, dtype=torch.float64)
    got = interpreted("choose_tokens")(torch.empty(0, 9), empty.long(), empty, empty, empty)
    assert got.shape == (0,) and got.dtype == torch.int64


def test_penalties_agree_with_the_reference() -> None:
    """To the bit; over blocks, of zero and infinities, and rows that are left alone."""
    torch.manual_seed(0)
    logits, counts = torch.randn(4, 70), torch.randint(-1, 4, (3, 70), dtype=torch.int32)
    counts = torch.where(counts == -1, IN_PROMPT + 2, counts)
    logits[1, :3] = torch.tensor([0.0, torch.inf, -torch.inf])
    penalties = torch.tensor([[1.3, 0.7], [0.3, -0.1], [0.0, 1.5]], dtype=torch.float64)
    arguments = (torch.tensor([1, 3]), counts, torch.tensor([2, 0]), penalties[0].float())
    wanted = penalize_logits_reference(logits.clone(), *arguments, *penalties[1:])
    given = interpreted("penalize_logits")(logits, *arguments, *penalties[1:])
    assert given is logits and torch.equal(given, wanted)
