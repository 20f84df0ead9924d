"""How likely the model found tokens: log softmax of its logits, and the best of each row."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.pipelines.context import LogProbabilities

# What JSON cannot hold, -inf, becomes this; no token of a softmax in float32 comes near it.
LEAST_LOG_PROBABILITY = -9999.0
# Bounds the working memory: 128 MiB per copy for a vocabulary of 128k in float32.
_ROWS_AT_ONCE = 256


def log_probabilities(
    logits: torch.Tensor, rows: Sequence[int], tokens: Sequence[int], top_n: Sequence[int]
) -> LogProbabilities:
    """The log probabilities of tokens, and of the best tokens in their places.

    They are of the model's own distribution: before bias, penalties, temperature and top_k, so
    they do not depend on how a request samples (vLLM calls it "raw_logprobs"). A row's results
    depend on that row alone.

    Args:
        logits: `[all rows, vocab_size]` of a floating dtype, as the model gave them.
        rows: Which of its rows to look at.
        tokens: A token for each of these rows.
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
    chosen: list[float] = []
    best: list[dict[int, float]] = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        scores = logits[list(rows[block])].float()
        # Relative to the best one first, so that large logits do not cost decimals.
        scores -= scores.amax(-1, keepdim=True)
        scores -= scores.logsumexp(-1, keepdim=True)
        scores.clamp_(min=LEAST_LOG_PROBABILITY)
        index = torch.tensor(tokens[block], device=scores.device).unsqueeze(-1)
        chosen += scores.gather(-1, index).squeeze(-1).tolist()
        best += _best(scores, top_n[block])
    return LogProbabilities(chosen, best)


def _best(scores: torch.Tensor, top_n: Sequence[int]) -> list[dict[int, float]]:
    most = min(max(top_n), scores.shape[-1])
    if most == 0:
        return [{} for _ in top_n]
    values, tokens = scores.topk(most, dim=-1)
    by_id = tokens.argsort(dim=-1)
    values, tokens = values.gather(-1, by_id), tokens.gather(-1, by_id)
    order = values.argsort(dim=-1, descending=True, stable=True)
    ranked = zip(
        tokens.gather(-1, order).tolist(), values.gather(-1, order).tolist(), top_n, strict=True
    )
    return [dict(zip(ids[:n], best[:n], strict=True)) for ids, best, n in ranked]
