"""What `max::add_layer_norm` computes, in plain torch."""

from __future__ import annotations

import torch

from max.kernels.layer_norm.reference import layer_norm_reference


def add_layer_norm_reference(
    x: torch.Tensor,
    y: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`x + y`, rounded to their type, and `max::layer_norm` of that.

    Args:
        x: [..., dim].
        y: of x's shape and type.
        weight: see there, as the rest.
        bias: see there.
        eps: see there.

    Returns:
        The sum, and the normed sum.
    """
    total = x + y
    return total, layer_norm_reference(total, weight, bias, eps)
