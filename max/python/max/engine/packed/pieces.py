"""Files written so that the system keeps them in large pages."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO

# A multiple of all sizes of pages. Linux keeps what one call writes in pages as large as the
# call's beginning and length allow.
_PIECE = 8 * 2**20


class PieceWriter:
    """Writes a file in pieces that begin and end at multiples of 8 MiB, but for the last one.

    Where each array is written by itself, a fourth of the file and more is in small pages, and a
    product that reads a mapping of it takes longer.

    Args:
        file: unbuffered, at its beginning.
        on_written: told how many bytes more were written.
    """

    def __init__(self, file: BinaryIO, on_written: Callable[[int], object]) -> None:
        self._file = file
        self._on_written = on_written
        self._piece = memoryview(bytearray(_PIECE))
        self._used = 0
        self._written = 0

    def __enter__(self) -> PieceWriter:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_value is None:
            self._flush()

    def tell(self) -> int:
        """Bytes that were given so far."""
        return self._written + self._used

    def write(self, content: memoryview | bytes) -> None:
        """Adds bytes.

        Raises:
            OSError: if the file cannot be written.
        """
        rest = memoryview(content)
        while rest:
            count = min(len(rest), _PIECE - self._used)
            self._piece[self._used : self._used + count] = rest[:count]
            self._used += count
            rest = rest[count:]
            if self._used == _PIECE:
                self._flush()

    def _flush(self) -> None:
        rest = self._piece[: self._used]
        while rest:
            rest = rest[self._file.write(rest) :]
        self._written += self._used
        self._on_written(self._used)
        self._used = 0
