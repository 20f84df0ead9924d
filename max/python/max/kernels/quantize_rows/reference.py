"""The search for scales in the K encodings: weighted least squares from several roundings.

As `make_qkx2_quants` and `make_qx_quants` in ggml-quants.c, for many groups of elements at once:
each candidate rounds the elements with a slightly different scale, takes the scale (and minimum)
that fits those numbers best, and the candidate of least weighted error wins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

# Distance of the candidates, in numbers that the largest element may become.
_STEP = 0.1
_CANDIDATES_OF_SCALE = 9
_NOTHING = 1e-15


def nearest(x: torch.Tensor) -> torch.Tensor:
    """The nearest integers; halves go to even ones, as in ggml."""
    return x.round()


def search_scale_and_min(
    x: torch.Tensor, levels: int, first: float, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scales and minimums by which `number * scale - minimum` is near the elements.

    Args:
        x: float32 [..., elements of a group].
        levels: the highest number.
        first: how many numbers more than `levels` the first candidate spreads the elements over.
        steps: candidates after the first.

    Returns:
        float32 [...] each; neither is negative.
    """
    # Large elements matter more: they contribute more to the products with activations.
    weights = x.square().mean(-1, keepdim=True).sqrt() + x.abs()
    low = x.amin(-1, keepdim=True).clamp(max=0)
    spread = x.amax(-1, keepdim=True) - low
    above = x - low
    is_flat = spread <= 0
    inverse = torch.where(is_flat, 0.0, 1 / spread)
    sum_w, weighted = weights.sum(-1, keepdim=True), weights * x
    sum_x = weighted.sum(-1, keepdim=True)

    scale, minimum = spread / levels, low
    numbers = nearest(above * (levels * inverse)).clamp_(0, levels)
    best = (weights * (scale * numbers + minimum - x).square()).sum(-1, keepdim=True)
    for step in range(steps + 1):
        factor = (first + _STEP * step + levels) * inverse
        numbers = nearest(above * factor).clamp_(0, levels)
        weighted_numbers = weights * numbers
        sum_l = weighted_numbers.sum(-1, keepdim=True)
        sum_l2 = (weighted_numbers * numbers).sum(-1, keepdim=True)
        sum_xl = (weighted * numbers).sum(-1, keepdim=True)
        determinant = sum_w * sum_l2 - sum_l * sum_l
        fitted = (sum_w * sum_xl - sum_x * sum_l) / determinant
        fitted_min = (sum_l2 * sum_x - sum_l * sum_xl) / determinant
        is_above = fitted_min > 0
        fitted = torch.where(is_above, sum_xl / sum_l2, fitted)
        fitted_min = torch.where(is_above, 0.0, fitted_min)
        error = (weights * (fitted * numbers + fitted_min - x).square()).sum(-1, keepdim=True)
        is_better = (determinant > 0) & (error < best)
        best = torch.where(is_better, error, best)
        scale = torch.where(is_better, fitted, scale)
        minimum = torch.where(is_better, fitted_min, minimum)
    scale = torch.where(is_flat, 0.0, scale)
    return scale.squeeze(-1), -minimum.squeeze(-1)


def search_scale(x: torch.Tensor, levels: int) -> torch.Tensor:
    """Scales by which `number * scale` is near the elements, weighted by their squares.

    Args:
        x: float32 [..., elements of a group].
        levels: the lowest number is -levels, the highest levels - 1.

    Returns:
        float32 [...], of either sign; 0 where all elements are.
    """
    largest = x.gather(-1, x.abs().argmax(-1, keepdim=True))
    is_nothing = largest.abs() < _NOTHING
    inverse = torch.where(is_nothing, 0.0, -1 / largest)
    weights = x.square()
    weighted = weights * x
    candidates = range(-_CANDIDATES_OF_SCALE, _CANDIDATES_OF_SCALE + 1)
    scale, best = torch.zeros_like(largest), torch.zeros_like(largest)
    for step in sorted(candidates, key=lambda step: step != 0):
        factor = (levels + _STEP * step) * inverse
        numbers = nearest(x * factor).clamp_(-levels, levels - 1)
        sum_xl = (weighted * numbers).sum(-1, keepdim=True)
        sum_l2 = (weights * numbers.square()).sum(-1, keepdim=True)
        is_better = (sum_l2 > 0) & (sum_xl.square() > best * sum_l2)
        fitted = sum_xl / sum_l2
        scale = torch.where(is_better, fitted, scale)
        best = torch.where(is_better, fitted * sum_xl, best)
    return torch.where(is_nothing, 0.0, scale).squeeze(-1)


class Search(NamedTuple):
    """An implementation of both searches."""

    scale_and_min: Callable[[torch.Tensor, int, float, int], tuple[torch.Tensor, torch.Tensor]] = (
        search_scale_and_min
    )
    scale: Callable[[torch.Tensor, int], torch.Tensor] = search_scale
