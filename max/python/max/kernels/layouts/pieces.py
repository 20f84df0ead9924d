"""Packing a weight in pieces, so that never much of the file that it is read from is in memory."""

from __future__ import annotations

from collections.abc import Iterator

_PIECE_BYTES = 32 * 2**20


def ignore_rows(rows: int) -> None:
    """For who does not want to know how far packing is."""


def pieces(rows: int, row_bytes: int, panel: int) -> Iterator[tuple[int, int]]:
    """The rows of a weight in pieces of some megabytes: first and last row, exclusive.

    Args:
        rows: of the weight.
        row_bytes: bytes of one.
        panel: rows that are packed together; each piece but the last is whole panels.
    """
    step = max(1, _PIECE_BYTES // max(1, panel * row_bytes)) * panel
    for first in range(0, rows, step):
        yield first, min(first + step, rows)
