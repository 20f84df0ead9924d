"""A recorded sequence of kernel calls."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from max.kernels.native import load_kernel
from max.kernels.recording import KernelCall
from max.kernels.thread_pool import pool_handle


class _Step(ctypes.Structure):
    _fields_ = (("kernel", ctypes.c_void_p), ("args", ctypes.c_void_p))


class Program:
    """Kernel calls with fixed arguments, run in sequence by one native call.

    Args:
        calls: what to run. The tensors that they point at must outlive the program.
    """

    def __init__(self, calls: Sequence[KernelCall]) -> None:
        library = load_kernel("program")
        assert library is not None, "there is a compiler: it built the kernels of the calls"
        self._run = library.program
        self._run.argtypes = (
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.POINTER(ctypes.c_double),
            ctypes.c_void_p,
        )
        self._run.restype = None
        self._calls = list(calls)
        self._steps = (_Step * len(calls))()
        for step, call in zip(self._steps, calls, strict=True):
            step.kernel = ctypes.cast(call.function, ctypes.c_void_p)  # type: ignore[arg-type]
            step.args = ctypes.addressof(call.args)
        self._address = ctypes.addressof(self._steps)

    def run(self) -> None:
        """Runs the calls on the process's thread pool."""
        self._run(self._address, len(self._calls), None, pool_handle())

    def run_timed(self) -> list[float]:
        """Runs the calls, and gives the seconds that each took."""
        seconds = (ctypes.c_double * len(self._calls))()
        self._run(self._address, len(self._calls), seconds, pool_handle())
        return list(seconds)
