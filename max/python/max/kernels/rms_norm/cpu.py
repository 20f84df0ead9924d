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


class RmsNormArgs(ctypes.Structure):
    """The C struct of `include/rms_norm.h`."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("dim", ctypes.c_int64),
        ("eps", ctypes.c_float),
        ("weight_offset", ctypes.c_float),
        ("multiply_before_cast", ctypes.c_int32),
        ("type", ctypes.c_int32),
    )


def make_rms_norm_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("rms_norm", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        x: torch.Tensor,
        weight: torch.Tensor,
        eps: float,
        weight_offset: float,
        multiply_before_cast: bool,
    ) -> Recording | None:
        if x.dtype not in ELEMENT_TYPES or weight.dtype != x.dtype:
            return None
        if not are_contiguous(x, weight):
            return None
        out = empty(x.shape, x.dtype)
        dim = x.shape[-1]
        args = RmsNormArgs(
            x.data_ptr(),
            weight.data_ptr(),
            out.data_ptr(),
            x.numel() // dim if dim else 0,
            dim,
            eps,
            weight_offset,
            multiply_before_cast,
            ELEMENT_TYPES[x.dtype],
        )
        return Recording(out, KernelCall(function, args))

    return record
