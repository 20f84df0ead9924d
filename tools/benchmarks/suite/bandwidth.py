"""How fast main memory is right now: on shared machines it changes with the neighbours."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def memory_rate() -> float:
    """How fast all cores read memory now, in GB/s: what decoding cannot be faster than.

    A process of its own measures it, so that the load generator stays small and without torch.

    Raises:
        ValueError: without a C++ compiler.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        rate = processes.submit(_read_bandwidth).result()
    if rate is None:
        raise ValueError("there is no C++ compiler to measure with: install g++ or set CXX")
    return rate / 1e9


def _read_bandwidth() -> float | None:
    from max.kernels.read_bandwidth import read_bandwidth

    return read_bandwidth()
