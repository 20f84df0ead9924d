"""max::route_tokens: every implementation against the definition, and that against examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from max.kernels import route_tokens
from max.kernels.route_tokens.cpu import make_route_tokens_record
from max.kernels.route_tokens.reference import SCORES, route_tokens_reference
from tests.kernels.cpu_kernels import cpu_kernels

IMPLEMENTATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "op": route_tokens,
    "reference": route_tokens_reference,
    **cpu_kernels(make_route_tokens_record, route_tokens_reference),
}
PLAIN: dict[str, Any] = {
    "bias": None,
    "groups": 1,
    "top_groups": 1,
    "best_of_group": 1,
    "renormalizes": False,
    "scale": 1.0,
    "jitter": 0.0,
}


def run(
    implementation: str, logits: torch.Tensor, top_k: int, scores: str, **settings: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """The experts and their weights: [rows, top_k] each."""
    s = {**PLAIN, **settings}
    routes = IMPLEMENTATIONS[implementation](
        logits,
        s["bias"],
        top_k,
        scores,
        s["groups"],
        s["top_groups"],
        s["best_of_group"],
        s["renormalizes"],
        s["scale"],
        s["jitter"],
    )
    chosen, weights = routes.split(top_k, 1)
    return chosen.long(), weights


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [0, 1, 70])
def test_agrees_with_the_definition(
    implementation: str, scores: str, dtype: torch.dtype, rows: int
) -> None:
    torch.manual_seed(0)
    # Whole numbers and halves of a permutation: no two are alike, in bfloat16 either.
    logits = torch.rand(rows, 12).argsort(-1).to(dtype) / 2
    for settings in (
        {},
        {"renormalizes": True, "scale": 2.5},
        {"bias": torch.randn(12)},
        {"groups": 4, "top_groups": 2, "best_of_group": 2, "bias": torch.randn(12)},
        {"jitter": 0.1},
    ):
        if scores == "sparse_mixer" and "groups" in settings:
            continue
        chosen, weights = run(implementation, logits, 3, scores, **settings)
        want, expected = run("reference", logits, 3, scores, **settings)
        assert torch.equal(chosen, want)
        torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_an_example(implementation: str) -> None:
    """Softmax of ln 1, ln 2, ln 5 and ln 2 is 0.1, 0.2, 0.5 and 0.2; the first of equals wins."""
    logits = torch.tensor([[1.0, 2.0, 5.0, 2.0]]).log()
    chosen, weights = run(implementation, logits, 1, "softmax")
    assert chosen.tolist() == [[2]]
    torch.testing.assert_close(weights, torch.tensor([[0.5]]))
    _, weights = run(implementation, logits, 2, "softmax", renormalizes=True, scale=7.0)
    torch.testing.assert_close(weights, torch.tensor([[5.0, 2.0]]))
    _, weights = run(implementation, logits, 2, "softmax_of_chosen")
    torch.testing.assert_close(weights, torch.tensor([[5 / 7, 2 / 7]]))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_the_best_expert_may_be_in_a_group_that_is_not_taken(implementation: str) -> None:
    logits = torch.tensor([[3.0, -9.0, 1.0, 2.0]])
    settings = {"groups": 2, "top_groups": 1, "best_of_group": 2}
    chosen, _ = run(implementation, logits, 2, "softmax_of_chosen", **settings)
    assert chosen.tolist() == [[3, 2]]
    settings["best_of_group"] = 1
    chosen, _ = run(implementation, logits, 2, "softmax_of_chosen", **settings)
    assert chosen.tolist() == [[0, 1]]


def test_what_is_not_supported_is_refused_by_its_name() -> None:
    with pytest.raises(RuntimeError, match="no routing by 'hash'; known: softmax, sigmoid"):
        torch.ops.max.route_tokens(
            torch.empty(2, 4, device="meta"), None, 1, "hash", 1, 1, 1, False, 1.0, 0.0
        )
