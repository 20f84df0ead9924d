"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class LoraLinearArgs(ctypes.Structure):
    """The C struct of `include/lora.h`."""

    _fields_ = (
        ("y", ctypes.c_void_p),
        ("x", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("a", ctypes.c_void_p),
        ("b", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("ranks", ctypes.c_void_p),
        ("affine", ctypes.c_void_p),
        ("is_affine", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
        ("rank", ctypes.c_int64),
        ("num_slots", ctypes.c_int64),
        ("type", ctypes.c_int32),
        ("adapter_type", ctypes.c_int32),
    )


def lora_linear_args(
    y: torch.Tensor, x: torch.Tensor, slots: torch.Tensor, a: torch.Tensor, *tables: torch.Tensor
) -> LoraLinearArgs:
    """The struct for the op's operands, which are contiguous."""
    num_slots, inputs, rank = a.shape
    return LoraLinearArgs(
        *(tensor.data_ptr() for tensor in (y, x, slots, a, *tables)),
        len(y),
        inputs,
        y.shape[1],
        rank,
        num_slots,
        ELEMENT_TYPES[y.dtype],
        ELEMENT_TYPES[a.dtype],
    )


def make_lora_linear_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("lora_linear", isa)
    if function is None:
        return None

    def record(
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

    return record
