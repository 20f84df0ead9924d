"""The NUMA nodes of the host: parts of a machine that have processors and memory of their own."""

from __future__ import annotations

import os
from pathlib import Path


def node_cpus(root: Path = Path("/")) -> list[frozenset[int]]:
    """The CPUs of each node that the calling thread may run on, nodes without any left out.

    A thread's affinity keeps to the set of its control group. Where the system tells of no nodes,
    as in some containers, all CPUs are one.

    Args:
        root: the folder that holds `sys`; another one than / only in tests.
    """
    allowed = frozenset(os.sched_getaffinity(0))
    lists = (root / "sys/devices/system/node").glob("node[0-9]*/cpulist")
    numbered = sorted((int(path.parent.name.removeprefix("node")), path) for path in lists)
    nodes = [_cpus_of(path.read_text()) & allowed for _, path in numbered]
    known = frozenset[int]().union(*nodes)
    return [node for node in nodes if node] if known == allowed else [allowed]


def _cpus_of(text: str) -> frozenset[int]:
    """Of a list as the kernel writes it: 0-3,8-11 (its documentation, "bitmaps and lists")."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)
