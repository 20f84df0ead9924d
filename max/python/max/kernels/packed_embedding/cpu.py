"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.layouts.panels import ENCODINGS, Panels
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class PackedEmbeddingArgs(ctypes.Structure):
    """The C struct of `include/packed_linear.h`."""

    _fields_ = (
        ("packed", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("columns", ctypes.c_int64),
        ("indices", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("out", ctypes.c_void_p),
        ("grid", ctypes.c_void_p),
        ("encoding", ctypes.c_int32),
        ("type", ctypes.c_int32),
    )


def make_packed_embedding_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("packed_embedding", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        packed: torch.Tensor,
        indices: torch.Tensor,
        rows: int,
        columns: int,
        encoding: str,
        dtype: torch.dtype,
    ) -> Recording | None:
        is_indices = indices.dtype == torch.int64 and are_contiguous(packed, indices)
        if not is_indices or dtype not in ELEMENT_TYPES:
            return None
        out = empty((*indices.shape, columns), dtype)
        args = PackedEmbeddingArgs(
            packed.data_ptr(),
            rows,
            columns,
            indices.data_ptr(),
            indices.numel(),
            out.data_ptr(),
            Panels(rows, columns, encoding).grid,
            ENCODINGS[encoding],
            ELEMENT_TYPES[dtype],
        )
        return Recording(out, KernelCall(function, args), 2 * out.nbytes)

    return record
