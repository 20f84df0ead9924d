"""A thread pool that has one thread and says it has many: how kernels would share their work."""

from __future__ import annotations

import contextlib
import ctypes
import heapq
import time
from collections.abc import Iterator
from typing import NamedTuple

from max.kernels.thread_pool.pool import other_pool

_TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
_RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


class _Pool(ctypes.Structure):
    """`Pool` of include/pool.h."""

    _fields_ = (("threads", ctypes.c_int64), ("run", _RUN))


class Job(NamedTuple):
    """What a kernel gave to all threads at once: they meet when it is done.

    Attributes:
        chunks: seconds of each piece, run alone.
    """

    chunks: list[float]

    def seconds(self, threads: int) -> float:
        """Until the last thread is done, each taking the next chunk when it has none."""
        free = [0.0] * threads
        for chunk in self.chunks:
            heapq.heapreplace(free, free[0] + chunk)
        return max(free)


@contextlib.contextmanager
def counted_pool(threads: int, *, backwards: bool = False) -> Iterator[list[Job]]:
    """Lets kernels believe in so many threads; gives the jobs that they make, as they come.

    Args:
        threads: how many.
        backwards: runs the last chunk of each job first; nothing may depend on it.
    """
    jobs: list[Job] = []

    def run(pool: int, count: int, task: int, context: int) -> None:
        do, seconds = _TASK(task), [0.0] * count
        for chunk in reversed(range(count)) if backwards else range(count):
            began = time.perf_counter()
            do(context, chunk)
            seconds[chunk] = time.perf_counter() - began
        jobs.append(Job(seconds))

    pool = _Pool(threads, _RUN(run))
    with other_pool(ctypes.addressof(pool)):
        yield jobs
