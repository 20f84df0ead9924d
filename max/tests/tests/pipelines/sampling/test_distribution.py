"""The tokens left by top_k, top_p and min_p are Hugging Face's, chosen by their probabilities."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from max.pipelines.sampling.distribution import Limits, choose_limited, choose_unlimited

NUM_UNIFORMS = 2000


def make_limits(vocab_size: int, *rows: tuple[int, float, float]) -> Limits:
    """The limits of rows of (top_k, top_p, min_p); a top_k of 0 is none."""
    top_k, top_p, min_p = zip(*rows, strict=True)
    return Limits(
        torch.tensor([k or vocab_size for k in top_k]),
        torch.tensor(top_p, dtype=torch.float64),
        torch.tensor(min_p, dtype=torch.float64),
    )


def shares(logits: torch.Tensor, limits: tuple[int, float, float]) -> torch.Tensor:
    """How much of [0, 1) each token gets, measured on an even grid of uniform numbers."""
    grid = (torch.arange(NUM_UNIFORMS, dtype=torch.float64) + 0.5) / NUM_UNIFORMS
    rows = logits.expand(NUM_UNIFORMS, -1)
    if limits == (0, 1.0, 0.0):
        tokens = choose_unlimited(rows, grid)
    else:
        tokens = choose_limited(rows, make_limits(logits.numel(), *[limits] * NUM_UNIFORMS), grid)
    return torch.bincount(tokens, minlength=logits.numel()) / NUM_UNIFORMS


def hugging_face(logits: torch.Tensor, limits: tuple[int, float, float]) -> torch.Tensor:
    """The probabilities after Hugging Face's warpers, in the order of its `generate`."""
    top_k, top_p, min_p = limits
    scores = logits[None]
    ids = torch.LongTensor([[0]])
    if top_k:
        scores = TopKLogitsWarper(top_k)(ids, scores)
    if top_p < 1:
        scores = TopPLogitsWarper(top_p)(ids, scores)
    if min_p > 0:
        scores = MinPLogitsWarper(min_p)(ids, scores)
    return torch.softmax(scores, -1)[0]


@pytest.mark.parametrize("vocab_size", [1, 5, 100, 1000])
@pytest.mark.parametrize(
    "limits",
    [
        (0, 1.0, 0.0),
        (1, 1.0, 0.0),
        (3, 1.0, 0.0),
        (40, 1.0, 0.0),
        (0, 0.5, 0.0),
        (0, 0.95, 0.0),
        (0, 1e-6, 0.0),
        (0, 1.0, 0.1),
        (0, 1.0, 1.0),
        (20, 0.7, 0.05),
        (300, 0.999, 0.001),
    ],
)
def test_shares_are_hugging_faces(vocab_size: int, limits: tuple[int, float, float]) -> None:
    logits = 3 * torch.randn(vocab_size, generator=torch.Generator().manual_seed(vocab_size))
    expected = hugging_face(logits, limits)
    actual = shares(logits, limits)
    assert not actual[expected == 0].any()
    # Each of the points of the grid stands for 1 / NUM_UNIFORMS.
    torch.testing.assert_close(actual, expected, rtol=0, atol=1.01 / NUM_UNIFORMS)


def plain_choice(
    logits: list[float], top_k: int, top_p: float, min_p: float, uniform: float
) -> int:
    """The definition, token by token; ties are broken by the smaller id."""
    ranked = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    weights = torch.softmax(torch.tensor(logits), -1).double().tolist()
    ranked = ranked[: top_k or None]
    mass = 1.0 if not top_k or top_k >= len(logits) else sum(weights[token] for token in ranked)
    kept: list[int] = []
    before = 0.0
    for token in ranked:
        is_nucleus = top_p == 1 or before < top_p * mass
        if kept and not (is_nucleus and weights[token] >= min_p * weights[ranked[0]]):
            break
        kept.append(token)
        before += weights[token]
    target, total = uniform * sum(weights[token] for token in kept), 0.0
    for token in kept:
        total += weights[token]
        if total > target:
            return token
    return kept[-1]


@given(
    seed=st.integers(0, 1000),
    num_levels=st.sampled_from([1, 3, 50]),
    top_k=st.sampled_from([0, 1, 2, 30, 200, 299]),
    top_p=st.sampled_from([1.0, 0.9, 0.3]),
    min_p=st.sampled_from([0.0, 0.2]),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_ties_are_broken_by_the_smaller_token(
    seed: int, num_levels: int, top_k: int, top_p: float, min_p: float, uniform: float
) -> None:
    """With 300 tokens and few levels, ties reach beyond the candidates that are sorted first."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randint(num_levels, (300,), generator=generator).float() / num_levels
    limits = make_limits(300, (top_k, top_p, min_p))
    token = choose_limited(logits[None], limits, torch.tensor([uniform], dtype=torch.float64))
    assert token.tolist() == [plain_choice(logits.tolist(), top_k, top_p, min_p, uniform)]


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_impossible_tokens_are_never_chosen(uniform: float) -> None:
    logits = torch.full((1, 1000), -torch.inf)
    logits[0, [10, 500]] = torch.tensor([0.0, 1.0])
    uniforms = torch.tensor([uniform], dtype=torch.float64)
    assert choose_unlimited(logits, uniforms).item() in (10, 500)
    for limits in [(50, 1.0, 0.0), (0, 0.999, 0.0), (0, 1.0, 1e-9)]:
        assert choose_limited(logits, make_limits(1000, limits), uniforms).item() in (10, 500)


def test_rows_do_not_see_each_other() -> None:
    """Rows that need all tokens, thousands or a few as candidates, beside each other."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 9000, generator=generator) * torch.tensor([[0.0], [0.1], [3.0], [9.0]])
    rows = [(0, 0.9, 0.0), (0, 0.3, 0.0), (5, 0.8, 0.1), (0, 1.0, 0.3)]
    uniforms = torch.rand(4, generator=generator, dtype=torch.float64)
    together = choose_limited(logits, make_limits(9000, *rows), uniforms)
    alone = [
        choose_limited(logits[n : n + 1], make_limits(9000, rows[n]), uniforms[n : n + 1]).item()
        for n in range(4)
    ]
    assert together.tolist() == alone
