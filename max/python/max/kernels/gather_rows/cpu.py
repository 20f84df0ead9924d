"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class GatherRowsArgs(ctypes.Structure):
    """The C struct of `include/gather_rows.h`."""

    _fields_ = (
        ("table", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("row_bytes", ctypes.c_int64),
        ("indices", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("out", ctypes.c_void_p),
    )


def make_gather_rows_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("gather_rows", isa)
    if function is None:
        return None

    def record(empty: Empty, table: torch.Tensor, indices: torch.Tensor) -> Recording | None:
        # Of floats only: what is beyond a table has to be NaN.
        if not table.is_floating_point() or indices.dtype != torch.int64:
            return None
        if table.ndim == 0 or not are_contiguous(table, indices):
            return None
        out = empty((*indices.shape, *table.shape[1:]), table.dtype)
        row_bytes = table[0].nbytes if len(table) else 0
        args = GatherRowsArgs(
            table.data_ptr(),
            len(table),
            row_bytes,
            indices.data_ptr(),
            indices.numel() if row_bytes else 0,
            out.data_ptr(),
        )
        return Recording(out, KernelCall(function, args), 2 * out.nbytes)

    return record
