"""What `max::rms_norm` computes (Zhang and Sennrich, 2019)."""

from __future__ import annotations

import torch


def rms_norm_reference(
    x: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    weight_offset: float,
    multiply_before_cast: bool,
) -> torch.Tensor:
    """`x / sqrt(mean(x²) + eps) * (weight + weight_offset)` over the last axis.

    Args:
        x: [..., dim].
        weight: [dim].
        eps: keeps the root away from zero.
        weight_offset: 1 for checkpoints that store the weight less one (Gemma).
        multiply_before_cast: multiplies by the weight in float32 (Gemma), not in x's dtype (Llama).
    """
    wide = x.float()
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    if multiply_before_cast:
        return (normed * (weight.float() + weight_offset)).to(x.dtype)
    return normed.to(x.dtype) * (weight + weight_offset).to(x.dtype)
