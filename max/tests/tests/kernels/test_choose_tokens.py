"""The tokens left by top_k, top_p and min_p are Hugging Face's, chosen by their probabilities."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from max.kernels import choose_tokens
from max.kernels.choose_tokens.cpu import make_choose_tokens_record
from max.kernels.choose_tokens.reference import choose_tokens_reference
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": choose_tokens,
    "reference": choose_tokens_reference,
    **cpu_kernels(make_choose_tokens_record, choose_tokens_reference),
}
NUM_UNIFORMS = 2000

Limits = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def make_limits(vocab_size: int, *rows: tuple[int, float, float]) -> Limits:
    """The limits of rows of (top_k, top_p, min_p); a top_k of 0 is none."""
    top_k, top_p, min_p = zip(*rows, strict=True)
    return (
        torch.tensor([k or vocab_size for k in top_k]),
        torch.tensor(top_p, dtype=torch.float64),
        torch.tensor(min_p, dtype=torch.float64),
    )


def shares(
    choose: Callable[..., torch.Tensor], logits: torch.Tensor, limits: tuple[int, float, float]
) -> torch.Tensor:
    """How much of [0, 1) each token gets, measured on an even grid of uniform numbers."""
    grid = (torch.arange(NUM_UNIFORMS, dtype=torch.float64) + 0.5) / NUM_UNIFORMS
    rows = logits.expand(NUM_UNIFORMS, -1).contiguous()
    tokens = choose(rows, *make_limits(logits.numel(), *[limits] * NUM_UNIFORMS), grid)
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


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
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
def test_shares_are_hugging_faces(
    implementation: str, vocab_size: int, limits: tuple[int, float, float]
) -> None:
    logits = 3 * torch.randn(vocab_size, generator=torch.Generator().manual_seed(vocab_size))
    expected = hugging_face(logits, limits)
    actual = shares(IMPLEMENTATIONS[implementation], logits, limits)
    assert not actual[expected == 0].any()
    # Each of the points of the grid stands for 1 / NUM_UNIFORMS.
    torch.testing.assert_close(actual, expected, rtol=0, atol=1.01 / NUM_UNIFORMS)


def plain_choice(
    logits: list[float], top_k: int, top_p: float, min_p: float, uniform: float
) -> int:
    """The definition, token by token: by id without limits, else ranked, ties by the smaller id."""
    is_limited = top_k or top_p < 1 or min_p > 0
    ranked = sorted(range(len(logits)), key=lambda t: (-logits[t] if is_limited else 0, t))
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


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@given(
    seed=st.integers(0, 1000),
    num_levels=st.sampled_from([1, 3, 50]),
    top_k=st.sampled_from([0, 1, 2, 30, 200, 299]),
    # No multiple of 1 / 300: a limit between two tokens is found whatever the rounding.
    top_p=st.sampled_from([1.0, 0.9012, 0.3012]),
    min_p=st.sampled_from([0.0, 0.2]),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_ties_are_broken_by_the_smaller_token(
    implementation: str,
    seed: int,
    num_levels: int,
    top_k: int,
    top_p: float,
    min_p: float,
    uniform: float,
) -> None:
    """With 300 tokens and few levels, ties reach beyond the candidates that are sorted first."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randint(num_levels, (300,), generator=generator).float() / num_levels
    limits = make_limits(300, (top_k, top_p, min_p))
    uniforms = torch.tensor([uniform], dtype=torch.float64)
    token = IMPLEMENTATIONS[implementation](logits[None], *limits, uniforms)
    assert token.tolist() == [plain_choice(logits.tolist(), top_k, top_p, min_p, uniform)]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("top_p", "kept"), [(0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3)])
def test_top_p_ends_with_the_token_that_reaches_it(
    implementation: str, top_p: float, kept: int
) -> None:
    """Of probabilities 1/2, 1/4, 1/8 and 1/8, which are exact in binary."""
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]], dtype=torch.float64).log().float()
    last = torch.tensor([1 - 2**-53], dtype=torch.float64)
    limits = make_limits(4, (4, top_p, 0.0))
    assert IMPLEMENTATIONS[implementation](logits, *limits, last).tolist() == [kept - 1]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_impossible_tokens_are_never_chosen(implementation: str, uniform: float) -> None:
    logits = torch.full((1, 3000), -torch.inf)
    logits[0, [10, 2500]] = torch.tensor([0.0, 1.0])
    uniforms = torch.tensor([uniform], dtype=torch.float64)
    for limits in [(0, 1.0, 0.0), (50, 1.0, 0.0), (0, 0.999, 0.0), (0, 1.0, 1e-9)]:
        token = IMPLEMENTATIONS[implementation](logits, *make_limits(3000, limits), uniforms)
        assert token.item() in (10, 2500)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_token_of_infinite_logit_is_certain(implementation: str) -> None:
    logits = torch.tensor([[0.0, torch.inf, 1.0]]).nan_to_num(posinf=3e38)
    for limits in [(0, 1.0, 0.0), (2, 0.9, 0.0)]:
        uniforms = torch.tensor([0.99], dtype=torch.float64)
        token = IMPLEMENTATIONS[implementation](logits, *make_limits(3, limits), uniforms)
        assert token.item() == 1


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_rows_do_not_see_each_other(implementation: str) -> None:
    """Rows that need all tokens, thousands or a few as candidates, beside each other."""
    choose = IMPLEMENTATIONS[implementation]
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 9000, generator=generator)
    logits *= torch.tensor([[0.0], [0.1], [3.0], [9.0], [2.0]])
    rows = [(0, 0.9, 0.0), (0, 0.3, 0.0), (5, 0.8, 0.1), (0, 1.0, 0.3), (0, 1.0, 0.0)]
    uniforms = torch.rand(5, generator=generator, dtype=torch.float64)
    together = choose(logits, *make_limits(9000, *rows), uniforms)
    alone = [
        choose(logits[n : n + 1], *make_limits(9000, rows[n]), uniforms[n : n + 1]).item()
        for n in range(5)
    ]
    assert together.tolist() == alone


def test_schema_and_shape_function() -> None:
    uniforms = torch.tensor([0.5], dtype=torch.float64)
    arguments = (torch.randn(1, 9), *make_limits(9, (3, 0.9, 0.0)), uniforms)
    torch.library.opcheck(choose_tokens, arguments, test_utils="test_faketensor")
