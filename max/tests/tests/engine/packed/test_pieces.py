"""What a file is written in begins and ends where large pages do."""

from __future__ import annotations

import io
from typing import Any

import pytest

from max.engine.packed.pieces import PieceWriter

_PIECE = 8 * 2**20


class HesitantFile(io.BytesIO):
    """Takes at most so many bytes per call, as a disk may; notes where each call began."""

    def __init__(self, most: int = 2**40) -> None:
        super().__init__()
        self.most = most
        self.calls: list[tuple[int, int]] = []

    def write(self, content: Any) -> int:
        self.calls.append((self.tell(), len(content)))
        return super().write(memoryview(content)[: self.most])


def test_odd_contents_are_written_in_whole_pieces() -> None:
    file, told = HesitantFile(), list[int]()
    contents = [bytes([1]) * 100, bytes([2]) * (2 * _PIECE + 7), b"", bytes([3]) * (_PIECE // 2)]
    with PieceWriter(file, told.append) as pieces:
        for content in contents:
            pieces.write(content)
        assert pieces.tell() == sum(map(len, contents))
    assert file.getvalue() == b"".join(contents)
    rest = 107 + _PIECE // 2
    assert file.calls == [(0, _PIECE), (_PIECE, _PIECE), (2 * _PIECE, rest)]
    assert told == [_PIECE, _PIECE, rest]


def test_what_a_call_leaves_is_written_by_the_next() -> None:
    file = HesitantFile(most=3)
    with PieceWriter(file, lambda count: None) as pieces:
        pieces.write(b"0123456789")
    assert file.getvalue() == b"0123456789"


def test_after_an_error_nothing_more_is_written() -> None:
    file = HesitantFile()
    with pytest.raises(ZeroDivisionError), PieceWriter(file, lambda count: None) as pieces:
        pieces.write(b"0123456789")
        raise ZeroDivisionError
    assert file.calls == []
