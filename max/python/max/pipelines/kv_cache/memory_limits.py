"""How much memory is really available: the machine's, and what the control groups allow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from max.driver import Device


class _CgroupFiles(NamedTuple):
    """Names of one cgroup version's memory files (kernel documentation, cgroup-v1/-v2)."""

    mount: str
    limit: str
    usage: str
    reclaimable: str


_V1 = _CgroupFiles(
    "sys/fs/cgroup/memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
)
_V2 = _CgroupFiles("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")


def available_memory(device: Device) -> int:
    """Bytes that this process could allocate on the device now without swapping."""
    if device.is_host:
        import psutil

        machine = int(psutil.virtual_memory().available)
        return min([machine, *cgroup_available()])
    import torch

    free, _ = torch.cuda.mem_get_info(device.to_torch())
    return free


def cgroup_available(root: Path = Path("/")) -> list[int]:
    """What is left of each memory limit that binds this process: its groups and their parents.

    A group's page cache that the kernel would drop under pressure counts as available.

    Args:
        root: the folder that holds `proc` and `sys`; another one than / only in tests.

    Returns:
        Bytes left, one entry for each limit found; empty when nothing limits the process.
    """
    return [
        left for files, folder in _groups(root) if (left := _bytes_left(files, folder)) is not None
    ]


def _groups(root: Path) -> Iterator[tuple[_CgroupFiles, Path]]:
    """The memory groups of this process and their parents, up to the mount point."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            files = _V2
        elif "memory" in controllers.split(","):
            files = _V1
        else:
            continue
        mount = root / files.mount
        folder = mount / path.lstrip("/")
        yield files, mount
        # A container may see a path of its host that is not mounted inside: those do not exist.
        while folder != mount and mount in folder.parents:
            yield files, folder
            folder = folder.parent


def _bytes_left(files: _CgroupFiles, folder: Path) -> int | None:
    limit = _read(folder / files.limit)
    usage = _read(folder / files.usage)
    if not limit.isdecimal() or not usage.isdecimal():
        return None
    return max(0, int(limit) - int(usage) + _reclaimable(files, folder))


def _reclaimable(files: _CgroupFiles, folder: Path) -> int:
    for line in _read(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == files.reclaimable:
            return int(value)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
