"""How much there is in a JSON text, told without reading it: what validating it may cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# An object or a list costs about as much as so many numbers, in time and in memory.
CONTAINER_WEIGHT = 16
KEY_WEIGHT = 8  # It is a text, and is hashed and kept.
# `{},` is the most that three bytes can hold, as deep nesting is refused by the parser.
_MOST_PER_3_BYTES = CONTAINER_WEIGHT + 1
_PIECE = 1 << 20
_QUOTE = ord('"')
_WEIGHTS = np.zeros(256, np.uint8)
_WEIGHTS[ord(",")] = 1
_WEIGHTS[ord(":")] = KEY_WEIGHT
_WEIGHTS[[ord("{"), ord("[")]] = CONTAINER_WEIGHT


def has_at_most(text: bytes, limit: int) -> bool:
    """Whether a JSON text has no more values than `limit`.

    Args:
        text: JSON; of a text that is not, the answer means nothing.
        limit: Most values; an object or a list counts `CONTAINER_WEIGHT` more, a key `KEY_WEIGHT`.
    """
    if len(text) * _MOST_PER_3_BYTES <= limit * 3:
        return True
    total, inside = 1, False
    for piece in _pieces(text):
        # Escapes first: of a run of backslashes, each second one is escaped by its neighbour.
        if b"\\" in piece:
            piece = piece.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        characters = np.frombuffer(piece, np.uint8)
        in_string = (np.add.accumulate(characters == _QUOTE, dtype=np.uint8) & 1) ^ inside
        total += int(np.sum(_WEIGHTS[characters] * (1 - in_string), dtype=np.int64))
        if total > limit:
            return False
        inside = bool(in_string[-1])
    return True


def _pieces(text: bytes) -> Iterator[bytes]:
    """The text in pieces, none of which ends inside an escape."""
    start = 0
    while start < len(text):
        end = min(start + _PIECE, len(text))
        run = end
        while run > start and text[run - 1] == ord("\\"):
            run -= 1
        end = min(len(text), end + (end - run) % 2)
        yield text[start:end]
        start = end
