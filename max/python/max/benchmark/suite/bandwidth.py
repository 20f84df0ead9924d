"""How fast main memory is right now: on shared machines it changes with the neighbours."""

from __future__ import annotations


def memory_rate() -> float:
    """How fast all cores read memory now, in GB/s: what decoding cannot be faster than.

    Raises:
        RuntimeError: without a C++ compiler.
    """
    from max.kernels.read_bandwidth import read_bandwidth  # imports torch

    rate = read_bandwidth()
    if rate is None:
        raise RuntimeError("there is no C++ compiler to measure with: install g++ or set CXX")
    return rate / 1e9
