"""What single tokens stand for: their text, and the bytes that they add to a text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from max.pipelines.lib.tokenizer.anchored_decoder import AnchoredDecoder

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class NamesTokens(Protocol):
    """A tokenizer that can show single tokens, such as `TextTokenizer`."""

    @property
    def anchored_decoder(self) -> AnchoredDecoder:
        """Decodes tokens that come after other text."""
        ...

    def token_strings(self, tokens: Sequence[int]) -> list[str]:
        """The tokens as the vocabulary writes them."""
        ...


@dataclass(frozen=True, slots=True)
class TokenPiece:
    """What a token stands for inside a text.

    Attributes:
        text: Its characters; parts of characters are shown as U+FFFD.
        bytes: What it adds to a text in UTF-8; None for a special token, which adds nothing.
    """

    text: str
    bytes: bytes | None


class TokenPieces:
    """The pieces of a tokenizer's tokens; each is worked out once."""

    def __init__(self, tokenizer: NamesTokens) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, TokenPiece] = {}

    def __getitem__(self, token: int) -> TokenPiece:
        """The piece of a token; an empty one if only the model knows it."""
        piece = self._known.get(token)
        if piece is None:
            piece = self._known[token] = self._find(token)
        return piece

    def offsets(self, text: str, tokens: Iterable[int]) -> list[int]:
        """Where in `text` each of its tokens begins.

        A special token takes up room if the text has it in so many letters. Where the tokenizer
        has changed the text, as by Unicode normalization, what follows is off by the difference.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        offsets = []
        position = 0
        for token in tokens:
            offsets.append(position)
            piece = self[token]
            if piece.bytes is None:
                gained = piece.text if text.startswith(piece.text, position) else ""
            else:
                gained = decoder.decode(piece.bytes)
            if gained.startswith(" ") and not text.startswith(" ", position):
                gained = gained[1:]  # SentencePiece puts a space before a text.
            position = min(position + len(gained), len(text))
        return offsets

    def _find(self, token: int) -> TokenPiece:
        decoder = self._tokenizer.anchored_decoder
        text = decoder.after_text([token])
        if text and not decoder.after_text([token], skip_special_tokens=True):
            return TokenPiece(text, None)
        if _REPLACEMENT in text:
            (written,) = self._tokenizer.token_strings([token])
            return TokenPiece(text, _written_bytes(written))
        return TokenPiece(text, text.encode())


def _written_bytes(written: str) -> bytes:
    """The bytes of a token that is not made of whole characters, as vocabularies write them."""
    if match := _BYTE_TOKEN.fullmatch(written):
        return bytes([int(match[1], 16)])
    if all(character in _BYTE_OF for character in written):
        return bytes(_BYTE_OF[character] for character in written)
    return written.encode()


def _byte_level_alphabet() -> dict[str, int]:
    """The characters that byte-level vocabularies write for bytes, as GPT-2's encoder.py has it.

    Printable characters of Latin-1 stand for themselves; the other bytes, in order, for the
    characters from U+0100 on.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    return alphabet | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _byte_level_alphabet()
