"""Schema of `max::packed_linear`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.kernels.packed_linear.cpu import make_packed_linear_record
from max.kernels.packed_linear.packing import packed_shape
from max.kernels.packed_linear.reference import packed_linear_reference
from max.kernels.registry import define_op, implement_on_cpu


def _fake(
    x: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor | None],
    out_features: Sequence[int],
) -> list[torch.Tensor]:
    for weight, rows in zip(weights, out_features, strict=True):
        expected = packed_shape(rows, x.shape[-1], weight.dtype)
        torch._check(
            weight.dtype in (x.dtype, torch.bfloat16, torch.float16)
            and weight.dtype == weights[0].dtype
            and tuple(weight.shape) == expected,
            lambda w=weight, e=expected: (
                f"x is {x.dtype} {list(x.shape)}: a weight packed for it is {list(e)} of that "
                f"dtype or of 16 bits, not {list(w.shape)} {w.dtype}"
            ),
        )
    return [x.new_empty([*x.shape[:-1], rows]) for rows in out_features]


packed_linear = define_op(
    "packed_linear(Tensor x, Tensor[] weights, Tensor?[] biases, int[] out_features) -> Tensor[]",
    reference=packed_linear_reference,
    fake=_fake,
)
implement_on_cpu(packed_linear, make_packed_linear_record, packed_linear_reference)
