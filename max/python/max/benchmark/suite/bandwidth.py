"""How fast main memory is right now: on shared machines it changes with the neighbours."""

from __future__ import annotations

import os
import threading
import time

import numpy as np

_REPETITIONS = 5


def read_bandwidth(megabytes: int = 512) -> float:
    """Reads memory with all cores and returns the best rate of a few, in GB/s.

    NumPy's maximum of float32 does little else than read. It reaches less than the hardware can,
    but falls when the hardware does.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = np.array_split(np.ones(megabytes * 2**18, dtype=np.float32), cores or 1)
    rates = []
    for _ in range(_REPETITIONS):
        threads = [threading.Thread(target=part.max) for part in parts]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rates.append(megabytes * 2**20 / (time.perf_counter() - started) / 1e9)
    return max(rates)
