"""What `max::packed_linear` computes, in plain torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from max.kernels.layouts.panels import Panels


def packed_linear_reference(
    x: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor | None],
    out_features: Sequence[int],
    encodings: Sequence[str],
) -> list[torch.Tensor]:
    """`x @ weight.T + bias` for several weights; with weights of blocks x is rounded to bytes (see
    `rounded_products.py`).

    Args:
        x: [..., in_features].
        weights: in `Panels`, uint8 [bytes]: all of x's dtype, or all of one type of 16 bits, or all
            of blocks with as many elements in a unit.
        biases: [out_features] of x's dtype, or None, for each weight.
        out_features: rows of each weight.
        encodings: of each weight.

    Returns:
        [..., out_features] for each weight.

    Raises:
        NotImplementedError: for weights of blocks.
    """
    panels = [Panels(n, x.shape[-1], e) for n, e in zip(out_features, encodings, strict=True)]
    return [
        _linear(x, layout.elements(weight), bias)
        for layout, weight, bias in zip(panels, weights, biases, strict=True)
    ]


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if weight.dtype == x.dtype:
        return F.linear(x, weight, bias)
    wide_bias = None if bias is None else bias.float()
    return F.linear(x.float(), weight.float(), wide_bias).to(x.dtype)
