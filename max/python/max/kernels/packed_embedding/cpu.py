"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.layouts.panels import ENCODINGS, Panels
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class PackedEmbeddingArgs(CStruct):
    """The C struct of `include/packed_linear.h`."""

    _fields_ = (
        *pointers("packed"),
        *int64s("rows", "columns"),
        *pointers("indices"),
        *int64s("count"),
        *pointers("out", "grid"),
        *int32s("encoding", "type"),
    )


def _record(
    function: CFunction,
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
        packed,
        rows,
        columns,
        indices,
        indices.numel(),
        out,
        Panels(rows, columns, encoding).grid,
        ENCODINGS[encoding],
        ELEMENT_TYPES[dtype],
    )
    return Recording(out, KernelCall(function, args), 2 * out.nbytes)


make_packed_embedding_record = kernel_record("packed_embedding", _record)
