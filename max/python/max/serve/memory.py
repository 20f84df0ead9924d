"""Gives memory that was needed for a moment back to the system."""

from __future__ import annotations

import asyncio
import ctypes
from concurrent.futures import ThreadPoolExecutor

# What takes less is needed again anyway.
LARGE = 1 << 20
_PAUSE_S = 1.0
_TRIMMING = ThreadPoolExecutor(1, thread_name_prefix="give-memory-back")


class FreedMemory:
    """Has the C library return what it keeps, a moment after something large was freed.

    glibc keeps the pages of freed blocks that lie below others (`malloc_trim(3)`); other libraries
    have no such call, and nothing is done there.
    """

    def __init__(self) -> None:
        self._due: asyncio.TimerHandle | None = None

    def freed(self, size: int) -> None:
        """So many bytes are needed no longer, or will soon not be."""
        if size >= LARGE and self._due is None:
            self._due = asyncio.get_running_loop().call_later(_PAUSE_S, self._give_back)

    def _give_back(self) -> None:
        self._due = None
        asyncio.get_running_loop().run_in_executor(_TRIMMING, trim)


def trim() -> bool:
    """Returns whether pages went back to the system."""
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return release is not None and bool(release(0))
