"""What `max::mask_logits` computes, in plain torch."""

from __future__ import annotations

import torch
from torch.nn import functional

WORD_BITS = 32


def mask_logits_reference(
    logits: torch.Tensor, rows: torch.Tensor, bits: torch.Tensor
) -> torch.Tensor:
    """The logits, in some rows with -inf for the tokens that may not come, whatever theirs were.

    What may come stays as it is, unless nothing that may come has a chance: then all that may come
    is equally likely.

    Args:
        logits: [num_rows, vocab_size] of a floating dtype.
        rows: int64 [masks], the rows that the masks are for, ascending.
        bits: int32 [masks, words], a bit per token, the lowest of the first word first, set for
            those that may come; tokens beyond may not come.

    Returns:
        float32 [num_rows, vocab_size].
    """
    out = logits.to(torch.float32, copy=True)
    places = torch.arange(WORD_BITS, dtype=torch.int32, device=bits.device)
    told = ((bits.unsqueeze(-1) >> places) & 1).flatten(1).bool()
    vocab_size = logits.shape[-1]
    allowed = functional.pad(told, (0, max(0, vocab_size - told.shape[-1])))[:, :vocab_size]
    masked = out[rows].masked_fill(~allowed, -torch.inf)
    hopeless = (masked == -torch.inf).all(-1, keepdim=True)
    out[rows] = masked.masked_fill(hopeless & allowed, 0.0)
    return out
