"""Calls `cpu.cpp`."""

from __future__ import annotations

import torch

from max.kernels.c_struct import CStruct, floats, int32s, int64s, pointers
from max.kernels.element_types import FLOAT_TYPES
from max.kernels.recording import (
    CFunction,
    Empty,
    KernelCall,
    Recording,
    are_contiguous,
    kernel_record,
)


class LayerNormArgs(CStruct):
    """The C struct of `include/layer_norm.h`."""

    _fields_ = (
        *pointers("x", "weight", "bias", "out"),
        *int64s("rows", "dim"),
        *floats("eps"),
        *int32s("type"),
    )


def _record(
    function: CFunction,
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
        x, weight, bias, out, x.numel() // dim if dim else 0, dim, eps, FLOAT_TYPES[x.dtype]
    )
    return Recording(out, KernelCall(function, args))


make_layer_norm_record = kernel_record("layer_norm", _record)
