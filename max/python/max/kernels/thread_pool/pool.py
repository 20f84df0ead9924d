"""The process's thread pool: made when a kernel first needs it.

There is one per process, as there is one set of cores; `InferenceSession(num_threads=...)` sizes
it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator, Sequence

import torch

from max.kernels.native import load_kernel
from max.kernels.thread_pool.cores import available_cores, cpus_of_threads

_SET_WORDS = 16  # 64 bits each, of the C library's `cpu_set_t`


class _Process:
    """The pool of this process, and how many threads the next one gets."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads: int | None = None
        self.handle: int | None = None


_process = _Process()


def num_threads() -> int:
    """Threads that kernels compute with, the caller's among them."""
    return _process.threads or _default_threads()


def set_num_threads(threads: int | None) -> None:
    """Sizes the pool, and torch's own beside it, so that they never fight for the cores.

    Must not be called while a kernel runs.

    Args:
        threads: how many, the caller's among them; when None one per available core, and no more
            than $OMP_NUM_THREADS, which torch heeds too.

    Raises:
        ValueError: if it is not positive.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"num_threads must be at least 1, got {threads}")
    with _process.lock:
        before = num_threads()
        _process.threads = threads
        if _process.handle is not None and num_threads() != before:
            library = load_kernel("thread_pool")
            assert library is not None  # it made the handle
            library.thread_pool_destroy(ctypes.c_void_p(_process.handle))
            _process.handle = None
    torch.set_num_threads(num_threads())


def pool_handle() -> int | None:
    """The address of the C `Pool` that kernels take; None (one thread) without a C++ compiler."""
    if _process.handle is None:
        with _process.lock:
            library = load_kernel("thread_pool")
            if _process.handle is None and library is not None:
                _process.handle = create_pool(library, cpus_of_threads(num_threads()))
    return _process.handle


def create_pool(library: ctypes.CDLL, cpus: Sequence[frozenset[int]]) -> int:
    """The address of a new C `Pool`, for `thread_pool_destroy` of the library.

    Args:
        library: of `thread_pool/cpu.cpp`.
        cpus: of each thread's node; where they are all the same nothing is bound.
    """
    sets = None
    if len(set(cpus)) > 1:
        sets = (ctypes.c_uint64 * (_SET_WORDS * len(cpus)))()
        for i, node in enumerate(cpus):
            for cpu in node:
                if cpu < 64 * _SET_WORDS:
                    sets[_SET_WORDS * i + cpu // 64] |= 1 << cpu % 64
    library.thread_pool_create.restype = ctypes.c_void_p
    address: int = library.thread_pool_create(ctypes.c_int64(len(cpus)), sets)
    return address


@contextlib.contextmanager
def other_pool(handle: int) -> Iterator[None]:
    """Lets kernels run on another C `Pool`, by its address, to look at how they share work."""
    before, _process.handle = _process.handle, handle
    try:
        yield
    finally:
        _process.handle = before


def _default_threads() -> int:
    told = os.environ.get("OMP_NUM_THREADS", "")
    return (
        min(available_cores(), int(told)) if told.isdecimal() and int(told) else available_cores()
    )
