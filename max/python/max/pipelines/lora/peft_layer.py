"""One layer of an adapter."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class PeftLayer:
    """One layer's part of an adapter, in Hugging Face's order of rows and columns.

    Args:
        a: [rank, inputs]; of an embedding [rank, rows of the table]; of experts' matrices
            [experts, rank, inputs].
        b: [outputs, rank], or [experts, outputs, rank].
        scale: of their product.
        b_bias: [outputs], added to the product before it is scaled.
        magnitude: [outputs], the norms of the rows of the whole weight (DoRA, Liu et al., 2024).
        bias: [outputs], in place of the layer's own.
        weight: in place of the layer's own (`modules_to_save`).
        base_weight: the weight that a and b were trained beside: a copy of the layer's own, unless
            that was changed.
        is_embedding: whether a and b are of an embedding.
    """

    a: torch.Tensor | None = None
    b: torch.Tensor | None = None
    scale: float = 1.0
    b_bias: torch.Tensor | None = None
    magnitude: torch.Tensor | None = None
    bias: torch.Tensor | None = None
    weight: torch.Tensor | None = None
    base_weight: torch.Tensor | None = None
    is_embedding: bool = False
