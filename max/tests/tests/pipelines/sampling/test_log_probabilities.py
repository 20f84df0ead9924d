"""Log probabilities are those of a softmax in double precision, the best ones first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from max.pipelines.context import LogProbabilities
from max.pipelines.sampling.log_probabilities import LEAST_LOG_PROBABILITY, log_probabilities


def oracle(logits: torch.Tensor) -> np.ndarray:
    """Log softmax, by its definition, in double precision."""
    values = logits.double().numpy()
    exponentials = np.exp(values - values.max(-1, keepdims=True))
    scores: np.ndarray = np.log(exponentials / exponentials.sum(-1, keepdims=True))
    return scores


def make_logits(rows: int = 3, vocab_size: int = 1000) -> torch.Tensor:
    return 5 * torch.randn(rows, vocab_size, generator=torch.Generator().manual_seed(1))


def score(
    logits: torch.Tensor, rows: Sequence[int], tokens: Sequence[int], top_n: Sequence[int]
) -> LogProbabilities:
    """They are waited for."""
    return log_probabilities(logits, rows, torch.tensor(tokens), top_n).known()


@pytest.mark.parametrize("top_n", [0, 1, 20])
def test_of_the_token_and_of_the_best(top_n: int) -> None:
    logits = make_logits()
    tokens = [3, 500, 999]
    want = oracle(logits)

    found = score(logits, range(3), tokens, [top_n] * 3)

    np.testing.assert_allclose(
        found.token_log_probabilities, want[range(3), tokens], rtol=0, atol=1e-5
    )
    for row, best in enumerate(found.top_log_probabilities):
        ranked = np.argsort(-want[row])[:top_n].tolist()
        assert list(best) == ranked
        np.testing.assert_allclose(list(best.values()), want[row][ranked], rtol=0, atol=1e-5)


def test_token_and_best_agree_to_the_bit() -> None:
    """Harnesses call an answer greedy when its log probability equals the best one."""
    logits = make_logits(50)
    tokens = logits.argmax(-1).tolist()

    found = score(logits, range(50), tokens, [1] * 50)

    assert [{t: p} for t, p in zip(tokens, found.token_log_probabilities, strict=True)] == (
        found.top_log_probabilities
    )


def test_rows_do_not_depend_on_each_other() -> None:
    """Also across the blocks in which long prompts are worked off."""
    logits = make_logits(600, 50)
    tokens = [row % 50 for row in range(600)]
    together = score(logits, range(600), tokens, [3] * 600)

    for row in (0, 255, 256, 599):
        alone = score(logits, [row], [tokens[row]], [3])
        assert alone.token_log_probabilities[0] == together.token_log_probabilities[row]
        assert alone.top_log_probabilities[0] == together.top_log_probabilities[row]


def test_equal_tokens_are_ordered_by_id() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0, 2.0]])

    assert list(score(logits, [0], [0], [4]).top_log_probabilities[0]) == [1, 3, 2, 0]


def test_more_than_the_vocabulary_is_the_vocabulary() -> None:
    assert len(score(make_logits(1, 5), [0], [0], [20]).top_log_probabilities[0]) == 5


def test_each_row_gets_as_many_as_it_asks_for() -> None:
    found = score(make_logits(), [2, 0, 1], [0, 0, 0], [0, 3, 1])

    assert [len(best) for best in found.top_log_probabilities] == [0, 3, 1]


def test_logits_are_not_changed() -> None:
    logits = make_logits()
    score(logits, [0, 1, 2], [0, 0, 0], [1, 1, 1])

    assert torch.equal(logits, make_logits())


def test_impossible_tokens_have_a_finite_number() -> None:
    found = score(torch.tensor([[0.0, -torch.inf]]), [0], [1], [2])

    assert found.token_log_probabilities == [LEAST_LOG_PROBABILITY]
    assert found.top_log_probabilities == [{0: 0.0, 1: LEAST_LOG_PROBABILITY}]


def test_large_logits_do_not_overflow() -> None:
    # log(e^1e4 / (e^1e4 + e^(1e4 - 1))) = -log(1 + 1/e) = -0.313262
    found = score(torch.tensor([[1e4, 1e4 - 1]]), [0], [0], [0])

    assert found.token_log_probabilities[0] == pytest.approx(-0.313262, abs=1e-5)


def test_one_token_per_row() -> None:
    with pytest.raises(ValueError, match="3 rows, 2 tokens and 3 numbers"):
        score(make_logits(), [0, 1, 2], [1, 2], [0, 0, 0])
