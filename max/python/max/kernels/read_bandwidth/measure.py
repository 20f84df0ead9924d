"""Measures the bandwidth of reading main memory."""

from __future__ import annotations

import ctypes
import time

import torch

from max.kernels.memory import empty_in_huge_pages
from max.kernels.recording import KernelCall, load_function

_PIECE = 2**20


class _ReadBandwidthArgs(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("bytes", ctypes.c_int64), ("sums", ctypes.c_void_p))


def read_bandwidth(megabytes: int = 512, repetitions: int = 5) -> float | None:
    """The best rate of reading memory with the process's thread pool, in bytes per second.

    Shared machines change it from minute to minute: measure it beside what it is compared with.

    Args:
        megabytes: size of what is read; more than the caches hold.
        repetitions: readings, of which the fastest counts.

    Returns:
        None without a C++ compiler.
    """
    data = empty_in_huge_pages([megabytes * _PIECE], torch.uint8).fill_(1)
    rates = [rate for _ in range(repetitions) if (rate := read_rate(data)) is not None]
    return max(rates, default=None)


def read_rate(data: torch.Tensor) -> float | None:
    """The rate of reading a tensor once with the process's thread pool, in bytes per second.

    Args:
        data: contiguous, on the host; whole mebibytes of it are read.

    Returns:
        None without a C++ compiler.
    """
    function = load_function("read_bandwidth")
    if function is None:
        return None
    pieces = data.nbytes // _PIECE
    sums = torch.zeros(pieces, dtype=torch.int32)
    args = _ReadBandwidthArgs(data.data_ptr(), pieces * _PIECE, sums.data_ptr())
    call = KernelCall(function, args)
    started = time.perf_counter()
    call.run()
    return pieces * _PIECE / (time.perf_counter() - started)
