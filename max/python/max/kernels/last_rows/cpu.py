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


class LastRowsArgs(CStruct):
    """The C struct of `include/last_rows.h`."""

    _fields_ = (
        *pointers("x"),
        *int64s("rows", "row_bytes"),
        *pointers("row_offsets"),
        *int64s("batch"),
        *pointers("out"),
    )


def _record(
    function: CFunction, empty: Empty, x: torch.Tensor, row_offsets: torch.Tensor
) -> Recording | None:
    if row_offsets.dtype != torch.uint32 or not are_contiguous(x, row_offsets):
        return None
    batch = len(row_offsets) - 1
    out = empty((batch, *x.shape[1:]), x.dtype)
    row_bytes = x[0].nbytes if len(x) else 0
    args = LastRowsArgs(x, len(x), row_bytes, row_offsets, batch, out)
    return Recording(out, KernelCall(function, args), 2 * out.nbytes)


make_last_rows_record = kernel_record("last_rows", _record)
