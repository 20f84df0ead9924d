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


class SavedLinearArgs(CStruct):
    """The C struct of `include/saved_weights.h`."""

    _fields_ = (
        *pointers("y", "x", "slots", "weights", "is_saved"),
        *int64s("rows", "inputs", "outputs", "num_slots"),
        *int32s("type", "adapter_type"),
    )


def _record(
    function: CFunction,
    empty: Empty,
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    weights: torch.Tensor,
    is_saved: torch.Tensor,
) -> Recording | None:
    tensors = (y, x, slots, weights, is_saved)
    if y.dtype not in ELEMENT_TYPES or not are_contiguous(*tensors):
        return None
    types = (ELEMENT_TYPES[y.dtype], ELEMENT_TYPES[weights.dtype])
    args = SavedLinearArgs(*tensors, len(y), x.shape[1], y.shape[1], len(weights), *types)
    # Of the weights the rows' slots decide how much is read; without adapters it is nothing.
    return Recording(y, KernelCall(function, args), slots.nbytes)


make_saved_linear_record = kernel_record("saved_linear", _record)
