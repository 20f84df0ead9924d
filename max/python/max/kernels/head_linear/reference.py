"""What `max::head_linear` computes."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding, dequantize_rows
from max.kernels.layouts.panels import Panels


def head_linear_reference(
    x: torch.Tensor,
    weight: torch.Tensor,
    heads: int,
    in_features: int,
    out_features: int,
    encoding: str,
    is_packed: bool,
) -> torch.Tensor:
    """`x[:, head, :in_features] @ weight[head].T` for each head.

    Args:
        x: [rows, heads * width], in_features <= width.
        weight: [heads, out_features, in_features], or rows of blocks of them, or `ExpertPanels`.
        heads: how many.
        in_features: elements that are read of each head.
        out_features: of the result.
        encoding: of the weight: that of blocks, or the type of elements.
        is_packed: whether the weight is in panels.

    Returns:
        [rows, heads * out_features].
    """
    if is_packed:
        panels = Panels(out_features, in_features, encoding)
        weight = torch.stack([panels.elements(part) for part in weight.split(panels.nbytes)])
    elif weight.dtype == torch.uint8:
        weight = dequantize_rows(weight, QuantizationEncoding(encoding))
    read = x.unflatten(-1, (heads, -1))[..., :in_features]
    product = torch.einsum("rhi,hoi->rho", read.float(), weight.float())
    return product.flatten(1).to(x.dtype)
