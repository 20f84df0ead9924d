"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes

import torch

from max.kernels.element_types import FLOAT_TYPES
from max.kernels.isa import Isa
from max.kernels.recording import (
    Empty,
    KernelCall,
    Record,
    Recording,
    are_contiguous,
    load_function,
)


class LayerNormArgs(ctypes.Structure):
    """The C struct of `include/layer_norm.h`."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("dim", ctypes.c_int64),
        ("eps", ctypes.c_float),
        ("type", ctypes.c_int32),
    )


def make_layer_norm_record(isa: Isa | None = None) -> Record | None:
    """The kernel's `Record`; None where it cannot be built.

    Args:
        isa: the best of this machine unless given.
    """
    function = load_function("layer_norm", isa)
    if function is None:
        return None

    def record(
        empty: Empty,
        x: torch.Tensor,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        eps: float,
    ) -> Recording | None:
        operands = [each for each in (x, weight, bias) if each is not None]
        if x.dtype not in FLOAT_TYPES or any(each.dtype != x.dtype for each in operands):
            return None
        if not are_contiguous(*operands):
            return None
        out = empty(x.shape, x.dtype)
        dim = x.shape[-1]
        args = LayerNormArgs(
            x.data_ptr(),
            None if weight is None else weight.data_ptr(),
            None if bias is None else bias.data_ptr(),
            out.data_ptr(),
            x.numel() // dim if dim else 0,
            dim,
            eps,
            FLOAT_TYPES[x.dtype],
        )
        return Recording(out, KernelCall(function, args))

    return record
