"""Measures the rate of products and sums in registers."""

from __future__ import annotations

import ctypes
import time

import torch

from max.kernels.native import load_kernel
from max.kernels.thread_pool import pool_handle

_KINDS = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}
_CHUNKS, _STEPS = 16, 20_000


class _PeakArithmeticArgs(ctypes.Structure):
    _fields_ = (
        ("chunks", ctypes.c_int64),
        ("steps", ctypes.c_int64),
        ("sums", ctypes.c_void_p),
        ("arithmetic", ctypes.c_int32),
    )


def peak_arithmetic(dtype: torch.dtype) -> float:
    """Operations (a product and a sum are two) per second with the process's thread pool.

    Args:
        dtype: of the factors: float32, bfloat16 (summed in float32), or int8 (in int32).

    Raises:
        RuntimeError: without a C++ compiler.
    """
    started = time.perf_counter()
    operations = run_peak_arithmetic(dtype)
    return operations / (time.perf_counter() - started)


def run_peak_arithmetic(dtype: torch.dtype) -> int:
    """Does nothing but multiply and add for some milliseconds; how many operations that were."""
    library = load_kernel("peak_arithmetic")
    if library is None:
        raise RuntimeError("there is no C++ compiler to measure with: install g++ or set CXX")
    sums = torch.full((_CHUNKS,), 0x3F803F80, dtype=torch.int32)
    args = _PeakArithmeticArgs(_CHUNKS, _STEPS, sums.data_ptr(), _KINDS[dtype])
    address = ctypes.c_void_p(ctypes.addressof(args))
    library.peak_arithmetic(address, ctypes.c_void_p(pool_handle()))
    library.peak_arithmetic_products.restype = ctypes.c_int64
    return 2 * int(library.peak_arithmetic_products(address))
