"""A linear layer of each head on a GPU: a batch of products, which is cuBLAS's."""

from __future__ import annotations

import torch


def run_on_gpu(
    x: torch.Tensor,
    weight: torch.Tensor,
    heads: int,
    in_features: int,
    out_features: int,
    encoding: str,
    is_packed: bool,
) -> torch.Tensor | None:
    """See `head_linear_reference`; None for weights that are not of x's type."""
    if is_packed or weight.dtype != x.dtype:
        return None
    read = x.unflatten(-1, (heads, -1))[..., :in_features].transpose(0, 1)
    out = x.new_empty([len(x), heads * out_features])
    # Written where it belongs: [heads, rows, out] over rows of all heads.
    by_head = out.unflatten(-1, (heads, out_features)).transpose(0, 1)
    torch.bmm(read, weight.transpose(1, 2), out=by_head)
    return out
