"""Schema of `max::planes_linear`."""

from __future__ import annotations

from typing import Any

import torch

from max.kernels.facts import NativeCall, OpFacts
from max.kernels.layouts.planes import Planes
from max.kernels.planes_linear.reference import planes_linear_reference
from max.kernels.registry import define_op, implement_on_gpu


def _fake(
    x: torch.Tensor, planes: torch.Tensor, rows: int, columns: int, encoding: str
) -> torch.Tensor:
    layout = Planes(rows, columns, encoding)
    torch._check(
        planes.numel() == layout.nbytes and x.shape[-1] == columns,
        lambda: (
            f"x is {list(x.shape)}; a {encoding} weight of [{rows}, {columns}] in planes has "
            f"{layout.nbytes} bytes, not {planes.numel()}"
        ),
    )
    return x.new_empty([*x.shape[:-1], rows])


planes_linear = define_op(
    "planes_linear(Tensor x, Tensor planes, int rows, int columns, str encoding) -> Tensor",
    reference=planes_linear_reference,
    fake=_fake,
    facts=OpFacts(row_arguments=1),
)
implement_on_gpu(planes_linear, planes_linear_reference)


def product_of_planes(layout: Planes, x: Any, weight: Any, encoding: str) -> NativeCall:
    """The call that multiplies with a weight in planes."""
    return NativeCall(planes_linear, (x, weight, layout.rows, layout.columns, encoding))
