"""How many cores this process may compute on."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup")


def available_cores(cpus: Path = _CPUS, cgroup: Path = _CGROUP) -> int:
    """Physical cores that the process may run on, within the CPU quota of its control group.

    Two hardware threads of one core share its arithmetic units: the kernels gain nothing by both.
    """
    cores = {_core_of(cpus / f"cpu{cpu}", cpu) for cpu in os.sched_getaffinity(0)}
    return max(1, min(len(cores), _quota(cgroup)))


def _core_of(folder: Path, cpu: int) -> str:
    """Names the core of a hardware thread: by its siblings where the system tells them."""
    siblings = folder / "topology" / "thread_siblings_list"
    return siblings.read_text().strip() if siblings.exists() else str(cpu)


def _quota(cgroup: Path) -> int:
    """Whole cores of the quota; more than any machine has where there is none."""
    limit = cgroup / "cpu.max"  # version 2: "<microseconds or max> <period>"
    if limit.exists():
        quota, period = limit.read_text().split()
        return 1 << 20 if quota == "max" else math.ceil(int(quota) / int(period))
    old = cgroup / "cpu" / "cpu.cfs_quota_us"
    if old.exists() and (quota_us := int(old.read_text())) > 0:
        period_us = int((cgroup / "cpu" / "cpu.cfs_period_us").read_text())
        return math.ceil(quota_us / period_us)
    return 1 << 20
