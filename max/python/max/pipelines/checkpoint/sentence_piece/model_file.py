"""Reads `tokenizer.model`: a protocol buffer (sentencepiece_model.proto).

The few fields that say how text is cut are read here; their library is a compiler of its own away.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from max.pipelines.modeling.errors import ModelSourceError

# Values of `TrainerSpec.ModelType`; other kinds cut at spaces or into characters.
UNIGRAM, BPE = 1, 2
# Numbers of fields.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_TEXT, _SCORE, _KIND = 1, 2, 3
_MODEL_TYPE, _BYTE_FALLBACK = 3, 35
_CHARSMAP, _DUMMY_PREFIX, _EXTRA_SPACES = 2, 3, 4
_NORMAL = 1


@dataclass(frozen=True)
class SentencePieceModel:
    """How SentencePiece cuts text.

    Attributes:
        pieces: the vocabulary.
        scores: of each piece.
        kinds: of each piece, as in `SentencePiece.Type`: 1 normal, 2 unknown, 3 control, 4
            user-defined, 5 unused, 6 a byte.
        model_type: `UNIGRAM` or `BPE`.
        byte_fallback: whether characters without a piece become bytes.
        add_space_prefix: whether a space is put before every text.
        removes_extra_spaces: whether spaces at the ends, and all but one of several, are removed.
        charsmap: the table of characters that are written otherwise; empty for none.
    """

    pieces: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    model_type: int = UNIGRAM
    byte_fallback: bool = False
    add_space_prefix: bool = True
    removes_extra_spaces: bool = True
    charsmap: bytes = b""


def read_model_file(path: Path) -> SentencePieceModel:
    """Reads a file.

    Raises:
        ModelSourceError: if it is none, or of a model that is neither BPE nor Unigram.
    """
    try:
        model = _parse(path.read_bytes())
    except (IndexError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise ModelSourceError(f"{path} is no SentencePiece model: {error}") from error
    if not model.pieces or model.model_type not in (UNIGRAM, BPE):
        raise ModelSourceError(
            f"{path} is a SentencePiece model of {len(model.pieces)} pieces and the type "
            f"{model.model_type}; known are {UNIGRAM} (Unigram) and {BPE} (BPE)"
        )
    return model


def _parse(content: bytes) -> SentencePieceModel:
    pieces: list[tuple[str, float, int]] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    for number, value in _fields(content):
        if not isinstance(value, bytes):
            continue
        if number == _PIECES:
            of_piece = dict(_fields(value))
            text, score = of_piece.get(_TEXT, b""), of_piece.get(_SCORE, bytes(4))
            assert isinstance(text, bytes) and isinstance(score, bytes)
            kind = of_piece.get(_KIND, _NORMAL)
            pieces.append((text.decode(), struct.unpack("<f", score)[0], int(kind)))
        elif number == _TRAINER:
            trainer = dict(_fields(value))
        elif number == _NORMALIZER:
            normalizer = dict(_fields(value))
    charsmap = normalizer.get(_CHARSMAP, b"")
    return SentencePieceModel(
        pieces=[text for text, _, _ in pieces],
        scores=[score for _, score, _ in pieces],
        kinds=[kind for _, _, kind in pieces],
        model_type=int(trainer.get(_MODEL_TYPE, UNIGRAM)),
        byte_fallback=bool(trainer.get(_BYTE_FALLBACK, 0)),
        add_space_prefix=bool(normalizer.get(_DUMMY_PREFIX, 1)),
        removes_extra_spaces=bool(normalizer.get(_EXTRA_SPACES, 1)),
        charsmap=charsmap if isinstance(charsmap, bytes) else b"",
    )


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number, and a number or the bytes of all else."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(content, position)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, position = _varint(content, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if position + size > len(content):
            raise ValueError("it ends within a field")
        yield tag >> 3, content[position : position + size]
        position += size


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
