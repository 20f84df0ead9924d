"""The most memory that this process has had at once."""

from __future__ import annotations

import re
import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_bytes() -> int:
    """The most resident memory since the last `forget_peak`, mapped files included."""
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="utf-8"))
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_peak() -> None:
    """Begins a new peak at what is resident now, where the system can (Linux)."""
    if _CLEAR.exists():
        _CLEAR.write_text("5", encoding="utf-8")
