"""Schema of `max::packed_linear`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from max.kernels.facts import NativeCall, OpFacts
from max.kernels.layouts.panels import Panels
from max.kernels.packed_linear.cpu import make_packed_linear_record
from max.kernels.packed_linear.reference import packed_linear_reference
from max.kernels.registry import define_op, implement_on_cpu


def _fake(
    x: torch.Tensor,
    weights: Sequence[torch.Tensor],
    biases: Sequence[torch.Tensor | None],
    out_features: Sequence[int],
    encodings: Sequence[str],
) -> list[torch.Tensor]:
    for weight, rows, encoding in zip(weights, out_features, encodings, strict=True):
        panels = Panels(rows, int(x.shape[-1]), encoding)
        torch._check(
            weight.dtype == torch.uint8 and weight.numel() == panels.nbytes,
            lambda w=weight, p=panels: (
                f"x is {x.dtype} {list(x.shape)}: a {p.encoding} weight of {p.rows} rows in panels "
                f"for it has {p.nbytes} bytes, not {list(w.shape)} {w.dtype}"
            ),
        )
        torch._check(
            panels.way == Panels(rows, panels.columns, encodings[0]).way
            and (encoding != "float32" or x.dtype == torch.float32),
            lambda: f"x is {x.dtype}, and one call has weights of {', '.join(encodings)}",
        )
    return [x.new_empty([*x.shape[:-1], rows]) for rows in out_features]


def _way(x: Any, weights: Any, biases: Any, out_features: Any, encodings: Sequence[str]) -> str:
    return Panels(0, 0, encodings[0]).way


packed_linear = define_op(
    "packed_linear(Tensor x, Tensor[] weights, Tensor?[] biases, int[] out_features,"
    " str[] encodings) -> Tensor[]",
    reference=packed_linear_reference,
    fake=_fake,
    facts=OpFacts(join_key=_way, shared_out=1),
)
implement_on_cpu(packed_linear, make_packed_linear_record, packed_linear_reference)


def product_of_panels(layout: Panels, x: Any, weight: Any, bias: Any = None) -> NativeCall:
    """The call for one weight in panels."""
    return NativeCall(packed_linear, (x, [weight], [bias], [layout.rows], [layout.encoding]))
