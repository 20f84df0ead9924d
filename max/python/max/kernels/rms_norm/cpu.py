"""Calls `cpu.cpp`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch

from max.kernels.native import load_kernel
from max.kernels.rms_norm.reference import rms_norm_reference

_POINTER, _SIZE, _FLOAT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
_ARGUMENTS = (_POINTER, _POINTER, _POINTER, _SIZE, _SIZE, _FLOAT, _FLOAT, ctypes.c_bool)


def make_rms_norm_cpu() -> Callable[..., torch.Tensor] | None:
    """`max::rms_norm` in C++, for float32 and bfloat16; None where it cannot be built."""
    library = load_kernel("rms_norm")
    if library is None:
        return None
    functions = {
        torch.float32: library.rms_norm_float32,
        torch.bfloat16: library.rms_norm_bfloat16,
    }
    for function in functions.values():
        function.argtypes, function.restype = _ARGUMENTS, None

    def rms_norm_cpu(
        x: torch.Tensor,
        weight: torch.Tensor,
        eps: float,
        weight_offset: float,
        multiply_before_cast: bool,
    ) -> torch.Tensor:
        function = functions.get(x.dtype)
        if function is None or weight.dtype != x.dtype:
            return rms_norm_reference(x, weight, eps, weight_offset, multiply_before_cast)
        x, weight = x.contiguous(), weight.contiguous()
        out = torch.empty_like(x)
        dim = x.shape[-1]
        function(
            x.data_ptr(),
            weight.data_ptr(),
            out.data_ptr(),
            x.numel() // dim if dim else 0,
            dim,
            eps,
            weight_offset,
            multiply_before_cast,
        )
        return out

    return rms_norm_cpu
