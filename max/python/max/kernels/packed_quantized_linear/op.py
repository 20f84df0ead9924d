"""Schema of `max::packed_quantized_linear`.

`x @ decoded(weight).T + bias` for several weights, with x rounded to bytes (see `reference`).
Weights are packed only where there is a C++ kernel (`packing.can_pack_encoding`), so nothing else
reads them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from max.kernels.packed_quantized_linear.cpu import make_packed_quantized_linear_record
from max.kernels.packed_quantized_linear.packing import packed_bytes
from max.kernels.registry import define_op, implement_on_cpu


def _not_taken(x: torch.Tensor, *_: object) -> list[torch.Tensor]:
    raise NotImplementedError(
        "packed quantized weights are multiplied with float32 and bfloat16 on a CPU, not with "
        f"{x.dtype} on {x.device}"
    )


def _fake(
    x: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor | None],
    out_features: Sequence[int],
    encodings: Sequence[str],
) -> list[torch.Tensor]:
    for weight, rows, encoding in zip(weights, out_features, encodings, strict=True):
        expected = packed_bytes(rows, int(x.shape[-1]), encoding)
        torch._check(
            weight.dtype == torch.uint8 and weight.numel() == expected,
            lambda w=weight, e=expected: (
                f"a packed weight for x {list(x.shape)} has {e} bytes, "
                f"not {list(w.shape)} {w.dtype}"
            ),
        )
    return [x.new_empty([*x.shape[:-1], rows]) for rows in out_features]


packed_quantized_linear = define_op(
    "packed_quantized_linear(Tensor x, Tensor[] weights, Tensor?[] biases, int[] out_features,"
    " str[] encodings) -> Tensor[]",
    reference=_not_taken,
    fake=_fake,
)
implement_on_cpu(packed_quantized_linear, make_packed_quantized_linear_record, _not_taken)
