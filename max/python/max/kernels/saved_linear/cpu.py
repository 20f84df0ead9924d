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


class SavedLinearArgs(ctypes.Structure):
    """The C struct of `include/saved_weights.h`."""

    _fields_ = (
        ("y", ctypes.c_void_p),
        ("x", ctypes.c_void_p),
        ("slots", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("is_saved", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
        ("num_slots", ctypes.c_int64),
        ("type", ctypes.c_int32),
        ("adapter_type", ctypes.c_int32),
    )


def make_saved_linear_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("saved_linear", isa)
    if function is None:
        return None

    def record(
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
        args = SavedLinearArgs(
            *(tensor.data_ptr() for tensor in tensors),
            len(y),
            x.shape[1],
            y.shape[1],
            len(weights),
            ELEMENT_TYPES[y.dtype],
            ELEMENT_TYPES[weights.dtype],
        )
        # Of the weights the rows' slots decide how much is read; without adapters it is nothing.
        return Recording(y, KernelCall(function, args), slots.nbytes)

    return record
