"""Memory of the host that is taken while something else is being done.

The system hands memory out when it is first written, a page at a time, cleared: a quarter of a
second per gigabyte, and seconds on a virtual machine whose host has to find it first. A model that
is about to be loaded needs gigabytes, while Python imports modules on one core. So a thread takes
the memory meanwhile, and the weights are then put where it is there already.
"""

from __future__ import annotations

import ctypes
import mmap
import threading

from max.driver.host_nodes import node_cpus

HUGE_PAGE = 2 * 2**20
# Taken at once: so long the thread does not want Python's lock, and a taker may have to wait.
_PIECE = 16 * HUGE_PAGE
_CACHE_LINE = 64


class HostReserve:
    """One block of memory in huge pages, which is given away from its beginning.

    Args:
        size: bytes.
        ahead: how many of them are taken ahead; all unless given.
    """

    def __init__(self, size: int, ahead: int | None = None) -> None:
        # One page more, so that the block can begin where a huge page does.
        self._pages = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._pages.madvise(mmap.MADV_HUGEPAGE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        self._start = -address % HUGE_PAGE
        self._address = address + self._start
        self._size = size
        self._ahead = size if ahead is None else ahead
        self._used = 0
        self._written = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._write, name="host-reserve", daemon=True)
        self._thread.start()

    @property
    def resident_bytes(self) -> int:
        """How much was taken from the system ahead, given away or not."""
        return self._written

    def take(self, size: int) -> memoryview | None:
        """Some bytes of it, zero and at the beginning of a cache line; None if too few are left.

        Bytes that were not written ahead are taken from the system by who writes them.
        """
        start = -(-self._used // _CACHE_LINE) * _CACHE_LINE
        if start + size > self._size:
            return None
        if start + size > self._written:
            self._stop()
        self._used = start + size
        return memoryview(self._pages)[self._start + start : self._start + self._used]

    def close(self) -> None:
        """Gives back what nobody took."""
        self._stop()
        first = -(-(self._start + self._used) // mmap.PAGESIZE) * mmap.PAGESIZE
        if first < len(self._pages):
            self._pages.madvise(mmap.MADV_DONTNEED, first)

    def _stop(self) -> None:
        self._is_over = True
        self._thread.join()

    def _write(self) -> None:
        """Writes zeros. (`MADV_POPULATE_WRITE` would hold up all who map memory meanwhile, as
        imports do.)"""
        while self._written < self._ahead and not self._is_over:
            size = min(_PIECE, self._ahead - self._written)
            ctypes.memset(self._address + self._written, 0, size)  # lets Python go on meanwhile
            self._written += size


class _Process:
    """The reserve of this process, while a model is being loaded."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reserve: HostReserve | None = None


_process = _Process()


def reserve_memory(size: int) -> None:
    """Begins to take memory for `take_reserved`, unless it was begun or the system cannot.

    There is room for a sixteenth more, which is taken when it is written. On several nodes memory
    is taken by the threads that read it instead.
    """
    with _process.lock:
        is_possible = hasattr(mmap, "MADV_HUGEPAGE") and len(node_cpus()) == 1
        if _process.reserve is None and size > 0 and is_possible:
            _process.reserve = HostReserve(size + size // 16, ahead=size)


def take_reserved(size: int) -> memoryview | None:
    """Memory out of the reserve; None if there is none, or not that much is left of it."""
    reserve = _process.reserve
    return None if reserve is None else reserve.take(size)


def reserved_bytes() -> int:
    """How much the reserve has taken from the system by now."""
    reserve = _process.reserve
    return 0 if reserve is None else reserve.resident_bytes


def end_reserve() -> None:
    """Gives back what was not taken out of the reserve."""
    with _process.lock:
        reserve, _process.reserve = _process.reserve, None
    if reserve is not None:
        reserve.close()
