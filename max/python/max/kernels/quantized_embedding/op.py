"""Schema of `max::quantized_embedding`."""

from __future__ import annotations

from typing import Any

import torch

from max.graph.quantization import QuantizationEncoding
from max.kernels.facts import NativeCall, OpFacts
from max.kernels.layouts import LayoutUse, Panels, Planes
from max.kernels.packed_embedding import rows_of_panels
from max.kernels.planes_rows.op import rows_of_planes
from max.kernels.quantized_embedding.reference import quantized_embedding_reference
from max.kernels.registry import define_op


def _fake(
    weight: torch.Tensor, indices: torch.Tensor, encoding: str, dtype: torch.dtype
) -> torch.Tensor:
    torch._check(weight.dtype == torch.uint8, lambda: f"the weight is {weight.dtype}, not uint8")
    elements = QuantizationEncoding(encoding).row_elements(weight.shape[-1])
    return weight.new_empty(*indices.shape, elements, dtype=dtype)


def _rows(
    layout: Panels, table: Any, indices: Any, encoding: str, dtype: torch.dtype
) -> NativeCall:
    return rows_of_panels(layout, table, indices, dtype)


quantized_embedding = define_op(
    "quantized_embedding(Tensor weight, Tensor indices, str encoding, ScalarType dtype) -> Tensor",
    reference=quantized_embedding_reference,
    fake=_fake,
    facts=OpFacts(
        layouts={
            "cpu": {0: LayoutUse(Panels, _rows)},
            "gpu": {0: LayoutUse(Planes, rows_of_planes)},
        }
    ),
)
