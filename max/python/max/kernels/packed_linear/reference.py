"""What `max::packed_linear` computes, in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from max.kernels.packed_linear.packing import unpack


def packed_linear_reference(
    x: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor | None],
    out_features: Sequence[int],
) -> list[torch.Tensor]:
    """`x @ weight.T + bias` for several weights.

    Args:
        x: [..., in_features].
        weights: packed (see `packing`), all of one dtype: x's, or float16 or bfloat16.
        biases: [out_features] of x's dtype, or None, for each weight.
        out_features: rows of each weight.

    Returns:
        [..., out_features] for each weight.
    """
    return [
        _linear(x, unpack(weight, rows, x.shape[-1]), bias)
        for weight, bias, rows in zip(weights, biases, out_features, strict=True)
    ]


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if weight.dtype == x.dtype:
        return F.linear(x, weight, bias)
    wide_bias = None if bias is None else bias.float()
    return F.linear(x.float(), weight.float(), wide_bias).to(x.dtype)
