"""How likely the model found tokens: log softmax of its logits, and the best of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from max.pipelines.context import LogProbabilities

# What JSON cannot hold, -inf, becomes this; no token of a softmax in float32 comes near it.
LEAST_LOG_PROBABILITY = -9999.0
# Bounds the working memory: about 256 MiB for a vocabulary of 128k in float32.
_ROWS_AT_ONCE = 256


def log_probabilities(logits: torch.Tensor, tokens: Sequence[int], top_n: int) -> LogProbabilities:
    """The log probabilities of tokens, and of the best tokens in their places.

    They are of the model's own distribution: before bias, penalties, temperature and top_k, so
    they do not depend on how a request samples (vLLM calls it "raw_logprobs"). A row's results
    depend on that row alone.

    Args:
        logits: `[rows, vocab_size]` of a floating dtype, as the model gave them.
        tokens: One token per row.
        top_n: How many of the best to give, from 0.

    Returns:
        One entry per row; the best come best first, of equal ones the smaller token id.

    Raises:
        ValueError: If there is not one token per row.
    """
    if logits.ndim != 2 or logits.shape[0] != len(tokens):
        raise ValueError(
            f"Logits have shape {list(logits.shape)}; allowed is [{len(tokens)}, vocab_size], one "
            "row per token."
        )
    chosen: list[float] = []
    best: list[dict[int, float]] = []
    for rows, row_tokens in _blocks(logits, tokens):
        # Relative to the best one, so that large logits do not cost decimals.
        rows = rows.float() - rows.amax(-1, keepdim=True)
        total = rows.logsumexp(-1, keepdim=True)
        index = torch.tensor(row_tokens, device=rows.device).unsqueeze(-1)
        chosen += _settled(rows.gather(-1, index) - total).squeeze(-1).tolist()
        best += _best(rows, total, min(top_n, rows.shape[-1]))
    return LogProbabilities(chosen, best)


def _blocks(
    logits: torch.Tensor, tokens: Sequence[int]
) -> Iterator[tuple[torch.Tensor, Sequence[int]]]:
    for start in range(0, len(tokens), _ROWS_AT_ONCE):
        end = start + _ROWS_AT_ONCE
        yield logits[start:end], tokens[start:end]


def _best(rows: torch.Tensor, total: torch.Tensor, top_n: int) -> list[dict[int, float]]:
    if top_n == 0:
        return [{} for _ in range(len(rows))]
    values, tokens = rows.topk(top_n, dim=-1)
    by_id = tokens.argsort(dim=-1)
    values, tokens = values.gather(-1, by_id), tokens.gather(-1, by_id)
    order = values.argsort(dim=-1, descending=True, stable=True)
    scores = _settled(values.gather(-1, order) - total).tolist()
    ids = tokens.gather(-1, order).tolist()
    return [dict(zip(i, s, strict=True)) for i, s in zip(ids, scores, strict=True)]


def _settled(scores: torch.Tensor) -> torch.Tensor:
    return scores.clamp(min=LEAST_LOG_PROBABILITY)
