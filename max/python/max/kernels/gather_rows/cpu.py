"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int64s, pointers
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class GatherRowsArgs(CStruct):
    """The C struct of `include/gather_rows.h`."""

    _fields_ = (
        *pointers("table"),
        *int64s("rows", "row_bytes"),
        *pointers("indices"),
        *int64s("count"),
        *pointers("out"),
    )


def _record(
    function: CFunction, empty: Empty, table: torch.Tensor, indices: torch.Tensor
) -> Recording | None:
    # Of floats only: what is beyond a table has to be NaN.
    if not table.is_floating_point() or indices.dtype != torch.int64:
        return None
    if table.ndim == 0 or not are_contiguous(table, indices):
        return None
    out = empty((*indices.shape, *table.shape[1:]), table.dtype)
    row_bytes = table[0].nbytes if len(table) else 0
    args = GatherRowsArgs(
        table, len(table), row_bytes, indices, indices.numel() if row_bytes else 0, out
    )
    return Recording(out, KernelCall(function, args), 2 * out.nbytes)


make_gather_rows_record = kernel_record("gather_rows", _record)
