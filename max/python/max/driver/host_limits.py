"""What the control groups of this process allow: memory and processor time.

A limit of a group binds all groups below it (kernel documentation, cgroup-v1 and -v2), so every
group from the process's own up to the mount point is asked: a systemd unit's, a pod's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class _Group(NamedTuple):
    """A control group's folder, and whether it is one of version 2."""

    folder: Path
    is_v2: bool


def memory_left(root: Path = Path("/")) -> list[int]:
    """Bytes left of each memory limit that binds this process; empty when nothing limits it.

    A group's page cache that the kernel would drop under pressure counts as left.

    Args:
        root: the folder that holds `proc` and `sys`; another one than / only in tests.
    """
    return [left for group in _groups(root, "memory") if (left := _bytes_left(group)) is not None]


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Processors' worth of time that this process may use; None when nothing limits it.

    Args:
        root: the folder that holds `proc` and `sys`; another one than / only in tests.
    """
    quotas = (_processors(group) for group in _groups(root, "cpu"))
    return min((quota for quota in quotas if quota is not None), default=None)


def _groups(root: Path, controller: str) -> Iterator[_Group]:
    """The groups of this process that have a controller, and their parents to the mount point."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        is_v2 = hierarchy == "0"
        if not is_v2 and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup"
        if not is_v2:
            # Controllers that are mounted together have links of their own names.
            mount /= controller
        yield _Group(mount, is_v2)
        # A container may see a path of its host that is not mounted inside: those do not exist.
        folder = mount / path.lstrip("/")
        while folder != mount and mount in folder.parents:
            yield _Group(folder, is_v2)
            folder = folder.parent


def _bytes_left(group: _Group) -> int | None:
    limit = _read(group.folder / ("memory.max" if group.is_v2 else "memory.limit_in_bytes"))
    usage = _read(group.folder / ("memory.current" if group.is_v2 else "memory.usage_in_bytes"))
    if not limit.isdecimal() or not usage.isdecimal():
        return None
    reclaimable = "inactive_file" if group.is_v2 else "total_inactive_file"
    for line in _read(group.folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == reclaimable:
            return max(0, int(limit) - int(usage) + int(value))
    return max(0, int(limit) - int(usage))


def _processors(group: _Group) -> float | None:
    if group.is_v2:  # "<microseconds or max> <period>"
        quota, _, period = _read(group.folder / "cpu.max").partition(" ")
    else:
        quota = _read(group.folder / "cpu.cfs_quota_us")  # -1: no limit
        period = _read(group.folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
