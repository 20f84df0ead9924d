"""Schema of `max::quantized_matmul`."""

from __future__ import annotations

import torch

from max.graph.quantization import QuantizationEncoding
from max.kernels.facts import OpFacts
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


quantized_matmul = define_op(
    "quantized_matmul(Tensor x, Tensor weight, str encoding) -> Tensor",
    reference=quantized_matmul_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1),
)
