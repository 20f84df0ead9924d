"""Schema of `max::gather_rows`."""

from __future__ import annotations

import torch

from max.kernels.gather_rows.cpu import make_gather_rows_record
from max.kernels.gather_rows.reference import gather_rows_reference
from max.kernels.registry import define_op, implement_on_cpu, implement_on_gpu


def _check(table: torch.Tensor, indices: torch.Tensor) -> None:
    if indices.numel():
        least, most = (int(index) for index in torch.aminmax(indices))
        if least < -len(table) or most >= len(table):
            raise IndexError(
                f"indices from {least} to {most} into a table of {len(table)} rows: "
                f"allowed are {-len(table)} to {len(table) - 1}"
            )


gather_rows = define_op(
    "gather_rows(Tensor table, Tensor indices) -> Tensor",
    reference=gather_rows_reference,
    fake=gather_rows_reference,
)
implement_on_cpu(gather_rows, make_gather_rows_record, gather_rows_reference, _check)
implement_on_gpu(gather_rows, gather_rows_reference)
