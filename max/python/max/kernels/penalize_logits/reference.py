"""What `max::penalize_logits` computes, in plain torch."""

from __future__ import annotations

import torch

# A count: how often a token was generated, and in the sign whether it is in the prompt.
IN_PROMPT = -(1 << 31)
TIMES = (1 << 31) - 1


def penalize_logits_reference(
    logits: torch.Tensor,
    rows: torch.Tensor,
    counts: torch.Tensor,
    places: torch.Tensor,
    repetition: torch.Tensor,
    frequency: torch.Tensor,
    presence: torch.Tensor,
) -> torch.Tensor:
    """Changes some rows in place.

    First, of tokens that occurred, positive logits are divided by the repetition penalty and
    negative ones multiplied (https://arxiv.org/abs/1909.05858). Then, of those that were generated,
    frequency x times + presence is subtracted, as OpenAI's API defines its penalties.

    Args:
        logits: float32 [num_rows, vocab_size].
        rows: int64 [n], the rows that are changed, each once.
        counts: int32 [num_places, vocab_size], how often each token was generated, plus
            `IN_PROMPT` if it is in the prompt.
        places: int64 [n], which line of the counts is each one's.
        repetition: float32 [n], above 0; 1 for none.
        frequency: float64 [n]; 0 for none.
        presence: float64 [n]; 0 for none.

    Returns:
        `logits`.
    """
    counted, own = counts[places], logits[rows]
    penalty = repetition.unsqueeze(-1)
    repeated = torch.where(own < 0, own * penalty, own / penalty)
    own = torch.where(counted != 0, repeated, own)
    times = counted & TIMES
    less = frequency.unsqueeze(-1) * times + presence.unsqueeze(-1)
    logits[rows] = own - torch.where(times > 0, less, 0.0).float()
    return logits
