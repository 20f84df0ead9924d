"""What answers take until they have been sent."""

from __future__ import annotations

import logging
from typing import Protocol

from max.serve.memory import FreedMemory

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024 * 1024


class Holder(Protocol):
    """Who has a part of it."""

    def give_up(self, most: int) -> None:
        """Lets go of what it has, since all have more than so many bytes, and it has most."""
        ...


class LeavingBytes:
    """Counts what answers take that wait for their rest or for their clients.

    When it is too much, who has most gives it up.

    Args:
        most: Bytes of all together.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held: dict[Holder, int] = {}
        self._total = 0
        self._memory = FreedMemory()

    @property
    def total(self) -> int:
        """Bytes of all together."""
        return self._total

    def hold(self, holder: Holder, size: int) -> None:
        """A holder has so many bytes more."""
        if not size:
            return
        self._held[holder] = self._held.get(holder, 0) + size
        self._total += size
        while self._total > self._most:
            largest = max(self._held, key=self._held.__getitem__)
            logger.warning(
                "Answers take more than %d bytes until they are sent (--max-leaving-bytes);"
                " the largest, of %d, is given up",
                self._most,
                self._held[largest],
            )
            self.release(largest)
            largest.give_up(self._most)

    def release(self, holder: Holder, size: int | None = None) -> None:
        """A holder has so many bytes less, or none any more."""
        had = self._held.pop(holder, 0)
        left = 0 if size is None else max(0, had - size)
        if left:
            self._held[holder] = left
        self._total -= had - left
        if had > left:
            self._memory.freed(had - left)
