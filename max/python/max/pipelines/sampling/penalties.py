"""Changes to a request's logits that come before the choice: bias, penalties, forbidden ends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from max.pipelines.context import SamplingParams, TextContext
from max.pipelines.sampling.cells import check_tokens


def edits_logits(context: TextContext) -> bool:
    """Whether the request's logits are changed before the choice."""
    params = context.sampling_params
    return bool(
        params.logit_bias
        or params.logits_processors
        or penalizes(context)
        or forbidden_next(context)
    )


def penalizes(context: TextContext) -> bool:
    """Whether the request's tokens so far change the logits of the next one."""
    params = context.sampling_params
    return (
        params.repetition_penalty != 1
        or params.frequency_penalty != 0
        or params.presence_penalty != 0
    )


def forbidden_next(context: TextContext) -> frozenset[int]:
    """The tokens that may not come next: ends, before the request's fewest tokens."""
    return context.eos_tracker.forbidden_next(context.tokens.generated_length)


def edit_logits(row: torch.Tensor, context: TextContext) -> None:
    """Applies bias, penalties and forbidden ends to one request's logits, in place.

    Only the tokens concerned are touched, so the cost grows with the request's length and not with
    the vocabulary.

    Args:
        row: The logits, `float32[vocab_size]`.
        context: The request.

    Raises:
        ValueError: If the request names a token that the model does not have.
    """
    params = context.sampling_params
    if params.logit_bias:
        tokens = _indices(params.logit_bias, row, context)
        row[tokens] += torch.tensor(list(params.logit_bias.values()), device=row.device)
    if params.repetition_penalty != 1:
        _penalize_repetition(row, context)
    if params.frequency_penalty != 0 or params.presence_penalty != 0:
        _penalize_generated(row, context, params)
    if forbidden := forbidden_next(context):
        row[_indices(forbidden, row, context)] = -torch.inf


def _penalize_repetition(row: torch.Tensor, context: TextContext) -> None:
    """Divides positive logits and multiplies negative ones (https://arxiv.org/abs/1909.05858)."""
    penalty = context.sampling_params.repetition_penalty
    tokens = _indices(context.tokens.all, row, context)
    logits = row[tokens]
    # A token that occurs twice is written twice with the same value.
    row[tokens] = torch.where(logits < 0, logits * penalty, logits / penalty)


def _penalize_generated(row: torch.Tensor, context: TextContext, params: SamplingParams) -> None:
    """Subtracts frequency_penalty x count + presence_penalty, as OpenAI's API defines them."""
    generated, counts = np.unique(context.tokens.generated, return_counts=True)
    weights = params.frequency_penalty * counts + params.presence_penalty
    tokens = _indices(generated, row, context)
    row[tokens] -= torch.from_numpy(weights.astype(np.float32)).to(row.device)


def _indices(
    tokens: NDArray[np.int64] | Iterable[int], row: torch.Tensor, context: TextContext
) -> torch.Tensor:
    ids = tokens if isinstance(tokens, np.ndarray) else np.fromiter(tokens, np.int64)
    check_tokens(ids, row.numel(), context)
    return torch.from_numpy(ids).to(row.device)
