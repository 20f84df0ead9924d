"""max::penalize_logits: what occurred becomes less likely."""

from __future__ import annotations

import torch

from max.kernels import penalize_logits
from max.kernels.penalize_logits.reference import IN_PROMPT


def test_each_penalty_is_of_the_tokens_that_it_is_for() -> None:
    """Repetition of all that occurred; the others of what was generated."""
    counts = torch.zeros(3, 5, dtype=torch.int32)
    counts[2] = torch.tensor([0, IN_PROMPT, 1, 3, IN_PROMPT + 2])
    logits = torch.tensor([[1.0, 2.0, 2.0, -2.0, -2.0]]).repeat(2, 1)
    found = penalize_logits(
        logits,
        torch.tensor([1]),
        counts,
        torch.tensor([2]),
        torch.tensor([2.0]),
        torch.tensor([0.25], dtype=torch.float64),
        torch.tensor([0.5], dtype=torch.float64),
    )
    assert found is logits or torch.equal(found, logits)
    assert logits[0].tolist() == [1.0, 2.0, 2.0, -2.0, -2.0]
    assert logits[1].tolist() == [1.0, 1.0, 1 - 0.75, -4 - 1.25, -4 - 1.0]


def test_schema_and_shape_function() -> None:
    one = torch.ones(1, dtype=torch.float64)
    row = torch.tensor([0])
    counts = torch.zeros(1, 40, dtype=torch.int32)
    arguments = (torch.randn(3, 40), row, counts, row, one.float(), one, one)
    torch.library.opcheck(penalize_logits, arguments, test_utils="test_faketensor")
