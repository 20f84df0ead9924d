"""What `max::add_rms_norm` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.rms_norm.reference import rms_norm_reference


def add_rms_norm_reference(
    x: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    weight_offset: float,
    multiply_before_cast: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`x + y`, rounded to their type, and `max::rms_norm` of that.

    Args:
        x: [..., dim].
        y: of x's shape and type.
        weight: see there, as the rest.
        eps: see there.
        weight_offset: see there.
        multiply_before_cast: see there.

    Returns:
        The sum, and the normed sum.
    """
    total = x + y
    return total, rms_norm_reference(total, weight, eps, weight_offset, multiply_before_cast)
