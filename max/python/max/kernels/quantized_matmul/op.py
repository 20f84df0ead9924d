"""Schema of `max::quantized_matmul`."""

from __future__ import annotations

from typing import Any

import torch

from max.graph.quantization import QuantizationEncoding
from max.kernels.facts import NativeCall, OpFacts
from max.kernels.layouts import LayoutUse, Panels, Planes
from max.kernels.packed_linear import product_of_panels
from max.kernels.planes_linear.op import product_of_planes
from max.kernels.quantized_matmul.reference import quantized_matmul_reference
from max.kernels.registry import define_op


def _fake(x: torch.Tensor, weight: torch.Tensor, encoding: str) -> torch.Tensor:
    torch._check(weight.dtype == torch.uint8, lambda: f"the weight is {weight.dtype}, not uint8")
    elements = QuantizationEncoding(encoding).row_elements(weight.shape[-1])
    torch._check(
        x.shape[-1] == elements,
        lambda: f"the last axis of x has {x.shape[-1]} elements, a row of the weight {elements}",
    )
    return x.new_empty(*x.shape[:-1], weight.shape[0])


def _product(layout: Panels, x: Any, weight: Any, encoding: str) -> NativeCall:
    return product_of_panels(layout, x, weight)


quantized_matmul = define_op(
    "quantized_matmul(Tensor x, Tensor weight, str encoding) -> Tensor",
    reference=quantized_matmul_reference,
    fake=_fake,
    facts=OpFacts(
        row_arguments=1,
        layouts={
            "cpu": {1: LayoutUse(Panels, _product)},
            "gpu": {1: LayoutUse(Planes, product_of_planes)},
        },
    ),
)
