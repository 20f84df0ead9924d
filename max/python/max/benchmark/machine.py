"""Where a measurement was made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import msgspec
import psutil

from max import __version__

_PACKAGES = ("httptools", "msgspec", "numpy", "uvloop")


class Machine(msgspec.Struct, frozen=True):
    """Facts about the client's machine, which often is the server's too.

    Attributes:
        cpu: The processor's name.
        cores: Cores that this process may use.
        memory_gib: Main memory.
        system: The operating system.
        load_average: Running processes in the minute before the run; other work spoils a result.
        versions: Of Python, MAX and the packages that the client is made of.
    """

    cpu: str
    cores: int
    memory_gib: float
    system: str
    load_average: float
    versions: dict[str, str]


def describe_machine() -> Machine:
    """Asks the operating system."""
    versions = {"max": __version__, "python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in _PACKAGES}
    return Machine(
        cpu=_cpu_name(),
        cores=_usable_cores(),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=platform.platform(),
        load_average=round(psutil.getloadavg()[0], 2),
        versions=versions,
    )


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
