"""Schema of `max::layer_norm`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.layer_norm.cpu import make_layer_norm_record
from max.kernels.layer_norm.reference import layer_norm_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float
) -> torch.Tensor:
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None:
            shape = parameter.shape
            torch._check(
                len(shape) == 1 and shape[0] == x.shape[-1],
                lambda name=name, shape=shape: (
                    f"the last axis of x has {x.shape[-1]} elements, {name} is {list(shape)}"
                ),
            )
    return torch.empty_like(x)


layer_norm = define_op(
    "layer_norm(Tensor x, Tensor? weight, Tensor? bias, float eps) -> Tensor",
    reference=layer_norm_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1),
)
implement_on_cpu(layer_norm, make_layer_norm_record, layer_norm_reference)
implement_on_gpu(layer_norm, layer_norm_reference)
