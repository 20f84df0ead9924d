"""Weights in panels, as `max::packed_linear` reads them."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding
from max.kernels.layouts import Panels


def in_panels(weight: torch.Tensor) -> tuple[torch.Tensor, Panels]:
    """A matrix of elements in panels, and their layout."""
    rows, columns = weight.shape
    return placed(Panels(rows, columns, str(weight.dtype).removeprefix("torch.")), weight)


def blocks_in_panels(weight: torch.Tensor, encoding: str) -> torch.Tensor:
    """A matrix of blocks, uint8 [rows, bytes of a row], in panels."""
    rows, row_bytes = weight.shape
    columns = QuantizationEncoding(encoding).row_elements(row_bytes)
    return placed(Panels(rows, columns, encoding), weight)[0]


def placed(layout: Panels, weight: torch.Tensor) -> tuple[torch.Tensor, Panels]:
    """A matrix in a layout. Memory that is not written shows."""
    memory = torch.full([layout.nbytes], 0xA5, dtype=torch.uint8)
    layout.place(weight, memory)
    return memory, layout
