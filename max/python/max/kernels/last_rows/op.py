"""Schema of `max::last_rows`."""

from __future__ import annotations

import torch

from max.kernels.facts import OpFacts
from max.kernels.last_rows.cpu import make_last_rows_record
from max.kernels.last_rows.reference import last_rows_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _fake(x: torch.Tensor, row_offsets: torch.Tensor) -> torch.Tensor:
    torch._check(
        x.ndim > 0 and row_offsets.ndim == 1,
        lambda: f"x is {list(x.shape)}, row_offsets is {list(row_offsets.shape)}",
    )
    return x.new_empty([row_offsets.shape[0] - 1, *x.shape[1:]])


last_rows = define_op(
    "last_rows(Tensor x, Tensor row_offsets) -> Tensor",
    reference=last_rows_reference,
    fake=_fake,
    facts=OpFacts(picks_rows=True),
)
implement_on_cpu(last_rows, make_last_rows_record, last_rows_reference)
implement_on_gpu(last_rows, last_rows_reference)
