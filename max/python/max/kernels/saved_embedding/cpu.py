"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class SavedEmbeddingArgs(CStruct):
    """The C struct of `include/saved_weights.h`."""

    _fields_ = (
        *pointers("y", "ids", "slots", "tables", "is_saved"),
        *int64s("rows", "inputs", "outputs", "num_slots"),
        *int32s("type", "adapter_type"),
    )


def _record(
    function: CFunction,
    empty: Empty,
    y: torch.Tensor,
    ids: torch.Tensor,
    slots: torch.Tensor,
    tables: torch.Tensor,
    is_saved: torch.Tensor,
) -> Recording | None:
    tensors = (y, ids, slots, tables, is_saved)
    if y.dtype not in ELEMENT_TYPES or ids.dtype != torch.int64 or not are_contiguous(*tensors):
        return None
    num_slots, inputs, outputs = tables.shape
    types = (ELEMENT_TYPES[y.dtype], ELEMENT_TYPES[tables.dtype])
    args = SavedEmbeddingArgs(*tensors, len(y), inputs, outputs, num_slots, *types)
    return Recording(y, KernelCall(function, args), ids.nbytes + slots.nbytes)


make_saved_embedding_record = kernel_record("saved_embedding", _record)
