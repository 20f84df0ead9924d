"""Logits of tokens that may not come become -inf."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from max import kernels
from max.driver.buffer import moved
from max.pipelines.sampling.grammars.follower import Bits


def mask_logits(logits: torch.Tensor, masks: Mapping[int, Bits]) -> torch.Tensor:
    """Forbids tokens. What may come stays as it is, unless nothing that may come has a chance: then
    all that may come is equally likely.

    Args:
        logits: `[num_requests, vocab_size]` of a floating dtype.
        masks: By rows in ascending order, a bit per token, set for those that may come; tokens
            beyond may not come. All have as many words.

    Returns:
        `float32[num_requests, vocab_size]`.
    """
    rows = moved(torch.tensor(list(masks)), logits.device)
    bits = moved(torch.from_numpy(np.stack(list(masks.values()))), logits.device)
    masked: torch.Tensor = kernels.mask_logits(logits, rows, bits)
    return masked
