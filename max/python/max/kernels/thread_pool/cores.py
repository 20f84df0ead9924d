"""How many cores this process may compute on, and where its threads do."""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

from max.driver.host_limits import cpu_quota
from max.driver.host_nodes import node_cpus


def available_cores(root: Path = Path("/")) -> int:
    """Physical cores that the process may run on, within the CPU quota of its control groups.

    Two hardware threads of one core share its arithmetic units: the kernels gain nothing by both.

    Args:
        root: the folder that holds `proc` and `sys`; another one than / only in tests.
    """
    cores = _num_cores(os.sched_getaffinity(0), root)
    quota = cpu_quota(root)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpus_of_threads(threads: int, root: Path = Path("/")) -> list[frozenset[int]]:
    """For each thread of the pool the CPUs of its node; neighbours share a node.

    Nodes have as many of the threads as they have of the cores. On one node all may run anywhere.

    Args:
        threads: how many.
        root: the folder that holds `proc` and `sys`; another one than / only in tests.
    """
    nodes = node_cpus(root)
    ends = list(accumulate(_num_cores(cpus, root) for cpus in nodes))
    return [nodes[bisect_right(ends, i * ends[-1] // threads)] for i in range(threads)]


def _num_cores(cpus: Iterable[int], root: Path) -> int:
    folder = root / "sys/devices/system/cpu"
    return len({_core_of(folder / f"cpu{cpu}", cpu) for cpu in cpus})


def _core_of(folder: Path, cpu: int) -> str:
    """Names the core of a hardware thread: by its siblings where the system tells them."""
    siblings = folder / "topology" / "thread_siblings_list"
    return siblings.read_text().strip() if siblings.exists() else str(cpu)
