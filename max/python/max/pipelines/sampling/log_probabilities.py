"""How likely the model found tokens: log softmax of its logits, and the best of each row."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.driver.buffer import moved
from max.pipelines.context import LogProbabilities
from max.pipelines.sampling.late_numbers import LateNumbers

# What JSON cannot hold, -inf, becomes this; no token of a softmax in float32 comes near it.
LEAST_LOG_PROBABILITY = -9999.0
# Bounds the working memory: 128 MiB per copy for a vocabulary of 128k in float32.
_ROWS_AT_ONCE = 256


class LateLogProbabilities:
    """Log probabilities that are on their way to the host.

    Args:
        chosen: float32 [rows], of the tokens that stand there.
        best: float32 [rows, n], of the best tokens, best first.
        tokens: int64 [rows, n], which these are.
        top_n: for each row, how many of the best to give.
    """

    def __init__(
        self,
        chosen: torch.Tensor,
        best: torch.Tensor,
        tokens: torch.Tensor,
        top_n: Sequence[int],
    ) -> None:
        self._arriving = LateNumbers(chosen, best, tokens)
        self._top_n = top_n

    def known(self) -> LogProbabilities:
        """Waits until they are there: one entry for each row."""
        chosen, best, tokens = self._arriving.known()
        ranked = zip(tokens, best, self._top_n, strict=True)
        return LogProbabilities(
            chosen, [dict(zip(ids[:n], own[:n], strict=True)) for ids, own, n in ranked]
        )


def log_probabilities(
    logits: torch.Tensor, rows: Sequence[int], tokens: torch.Tensor, top_n: Sequence[int]
) -> LateLogProbabilities:
    """The log probabilities of tokens, and of the best tokens in their places.

    They are of the model's own distribution: before bias, penalties, temperature and top_k, so
    they do not depend on how a request samples (vLLM calls it "raw_logprobs"). A row's results
    depend on that row alone. On an accelerator nothing waits for them, nor for the tokens.

    Args:
        logits: `[all rows, vocab_size]` of a floating dtype, as the model gave them.
        rows: Which of its rows to look at.
        tokens: A token for each of these rows, int64, on the logits' device.
        top_n: For each of these rows, how many of the best to give, from 0.

    Returns:
        One entry for each of these rows; the best come best first, of equal ones the smaller token
        id.

    Raises:
        ValueError: If there is not one token and one number per row.
    """
    if not len(rows) == len(tokens) == len(top_n):
        raise ValueError(
            f"{len(rows)} rows, {len(tokens)} tokens and {len(top_n)} numbers of best tokens were "
            "given; allowed is one each per row."
        )
    most = min(max(top_n, default=0), logits.shape[-1])
    chosen, best, best_tokens = [], [], []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        index = moved(torch.tensor(rows[block]), logits.device)
        scores = logits.index_select(0, index).float()
        # Relative to the best one first, so that large logits do not cost decimals.
        scores -= scores.amax(-1, keepdim=True)
        scores -= scores.logsumexp(-1, keepdim=True)
        scores.clamp_(min=LEAST_LOG_PROBABILITY)
        chosen.append(scores.gather(-1, tokens[block].unsqueeze(-1)).squeeze(-1))
        values, ids = _best(scores, most)
        best.append(values)
        best_tokens.append(ids)
    return LateLogProbabilities(torch.cat(chosen), torch.cat(best), torch.cat(best_tokens), top_n)


def _best(scores: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The best of each row and their ids, best first, of equal ones the smaller id."""
    values, tokens = scores.topk(most, dim=-1)
    by_id = tokens.argsort(dim=-1)
    values, tokens = values.gather(-1, by_id), tokens.gather(-1, by_id)
    order = values.argsort(dim=-1, descending=True, stable=True)
    return values.gather(-1, order), tokens.gather(-1, order)
