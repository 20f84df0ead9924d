"""Schema of `max::scaled_matmul`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.registry import define_op, implement_on_gpu
from max.kernels.scaled_matmul.reference import scaled_matmul_reference, sizes_of_blocks


def _fake(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    torch._check(
        x.shape[-1] == weight.shape[1],
        lambda: (
            f"the last axis of x has {x.shape[-1]} elements, a row of the weight {weight.shape[1]}"
        ),
    )
    sizes_of_blocks(weight.shape, scale.shape)
    return x.new_empty(*x.shape[:-1], weight.shape[0])


scaled_matmul = define_op(
    "scaled_matmul(Tensor x, Tensor weight, Tensor scale) -> Tensor",
    reference=scaled_matmul_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1),
)
implement_on_gpu(scaled_matmul, scaled_matmul_reference)
