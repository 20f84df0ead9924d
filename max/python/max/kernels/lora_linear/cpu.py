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


class LoraLinearArgs(CStruct):
    """The C struct of `include/lora.h`."""

    _fields_ = (
        *pointers("y", "x", "slots", "a", "b", "scales", "ranks", "affine", "is_affine"),
        *int64s("rows", "inputs", "outputs", "rank", "num_slots"),
        *int32s("type", "adapter_type"),
    )


def lora_linear_args(
    y: torch.Tensor, x: torch.Tensor, slots: torch.Tensor, a: torch.Tensor, *tables: torch.Tensor
) -> LoraLinearArgs:
    """The struct for the op's operands, which are contiguous."""
    num_slots, inputs, rank = a.shape
    return LoraLinearArgs(
        *(y, x, slots, a),
        *tables,
        len(y),
        inputs,
        y.shape[1],
        rank,
        num_slots,
        ELEMENT_TYPES[y.dtype],
        ELEMENT_TYPES[a.dtype],
    )


def _record(
    function: CFunction,
    empty: Empty,
    y: torch.Tensor,
    x: torch.Tensor,
    slots: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    scales: torch.Tensor,
    ranks: torch.Tensor,
    affine: torch.Tensor,
    is_affine: torch.Tensor,
) -> Recording | None:
    tensors = (y, x, slots, a, b, scales, ranks, affine, is_affine)
    if y.dtype not in ELEMENT_TYPES or not are_contiguous(*tensors):
        return None
    args = lora_linear_args(*tensors)
    # Of the tables the rows' slots decide how much is read; without adapters it is nothing.
    return Recording(y, KernelCall(function, args), slots.nbytes)


make_lora_linear_record = kernel_record("lora_linear", _record)
