"""How a step's tokens are dealt out."""

from __future__ import annotations

import pytest

from max.serve.scheduler import TokenBudget


@pytest.mark.parametrize(("remaining", "offered"), [(3, 3), (10, 10), (11, 10)])
def test_a_part_is_offered_when_chunking(remaining: int, offered: int) -> None:
    assert TokenBudget(10).offer(remaining) == offered


def test_an_offer_costs_nothing_until_it_is_spent() -> None:
    budget = TokenBudget(10)
    assert budget.offer(8) == 8
    assert budget.offer(8) == 8
    budget.spend(8)
    assert (budget.left, budget.offer(8)) == (2, 2)


@pytest.mark.parametrize(("remaining", "offered"), [(4, 4), (5, 0)])
def test_all_or_nothing_without_chunking(remaining: int, offered: int) -> None:
    budget = TokenBudget(10, chunked=False)
    budget.spend(6)
    assert budget.offer(remaining) == offered


def test_without_chunking_a_prompt_longer_than_the_budget_runs_alone() -> None:
    budget = TokenBudget(10, chunked=False)
    assert budget.offer(25) == 25
    budget.spend(25)
    assert (budget.left, budget.offer(1)) == (0, 0)
