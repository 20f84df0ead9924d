"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, floats, int32s, int64s, pointers
from max.kernels.element_types import ELEMENT_TYPES
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class RmsNormArgs(CStruct):
    """The C struct of `include/rms_norm.h`."""

    _fields_ = (
        *pointers("x", "weight", "out"),
        *int64s("rows", "dim"),
        *floats("eps", "weight_offset"),
        *int32s("multiply_before_cast", "type"),
    )


def _record(
    function: CFunction,
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
        x,
        weight,
        out,
        x.numel() // dim if dim else 0,
        dim,
        eps,
        weight_offset,
        multiply_before_cast,
        ELEMENT_TYPES[x.dtype],
    )
    return Recording(out, KernelCall(function, args))


make_rms_norm_record = kernel_record("rms_norm", _record)
