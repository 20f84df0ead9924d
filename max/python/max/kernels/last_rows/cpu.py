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


class LastRowsArgs(ctypes.Structure):
    """The C struct of `include/last_rows.h`."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("row_bytes", ctypes.c_int64),
        ("row_offsets", ctypes.c_void_p),
        ("batch", ctypes.c_int64),
        ("out", ctypes.c_void_p),
    )


def make_last_rows_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("last_rows", isa)
    if function is None:
        return None

    def record(empty: Empty, x: torch.Tensor, row_offsets: torch.Tensor) -> Recording | None:
        if row_offsets.dtype != torch.uint32 or not are_contiguous(x, row_offsets):
            return None
        batch = len(row_offsets) - 1
        out = empty((batch, *x.shape[1:]), x.dtype)
        row_bytes = x[0].nbytes if len(x) else 0
        args = LastRowsArgs(
            x.data_ptr(), len(x), row_bytes, row_offsets.data_ptr(), batch, out.data_ptr()
        )
        return Recording(out, KernelCall(function, args), 2 * out.nbytes)

    return record
