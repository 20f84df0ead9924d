"""How many cores this process may compute on."""

from __future__ import annotations

import math
import os
from pathlib import Path

from max.driver.host_limits import cpu_quota


def available_cores(root: Path = Path("/")) -> int:
    """Physical cores that the process may run on, within the CPU quota of its control groups.

    Two hardware threads of one core share its arithmetic units: the kernels gain nothing by both.

    Args:
        root: the folder that holds `proc` and `sys`; another one than / only in tests.
    """
    cpus = root / "sys/devices/system/cpu"
    cores = {_core_of(cpus / f"cpu{cpu}", cpu) for cpu in os.sched_getaffinity(0)}
    quota = cpu_quota(root)
    return len(cores) if quota is None else max(1, min(len(cores), math.ceil(quota)))


def _core_of(folder: Path, cpu: int) -> str:
    """Names the core of a hardware thread: by its siblings where the system tells them."""
    siblings = folder / "topology" / "thread_siblings_list"
    return siblings.read_text().strip() if siblings.exists() else str(cpu)
