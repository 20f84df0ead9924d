"""What `max::layer_norm` computes (Ba, Kiros and Hinton, 2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def layer_norm_reference(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float
) -> torch.Tensor:
    """`(x - mean(x)) / sqrt(var(x) + eps) * weight + bias` over the last axis.

    Computed in float32, rounded once.

    Args:
        x: [..., dim].
        weight: [dim]; None for ones.
        bias: [dim]; None for zeros.
        eps: keeps the root away from zero.
    """
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps)
