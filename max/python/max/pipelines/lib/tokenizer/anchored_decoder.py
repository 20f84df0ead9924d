"""The text of tokens that come after other text.

Decoding a piece of a text alone is not the same as the piece of the decoded text:
SentencePiece-like tokenizers drop the space before the first word. So the piece is decoded behind
an *anchor*, an ordinary token of known text, which is then cut off. That costs the same for every
piece, however long the text before it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BYTE_TOKEN = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_MOST_CANDIDATES = 10_000
# Of the tokens that are written, most are few: their texts are kept, 10 MB at most.
_MOST_KEPT = 1 << 16


class AnchoredDecoder:
    """Decodes tokens at the beginning of a text, or behind other text."""

    def __init__(self, delegate: PreTrainedTokenizerBase) -> None:
        """Finds an anchor in the tokenizer's vocabulary.

        Raises:
            ValueError: If no token has a plain text; then nothing can be decoded piece by piece.
        """
        self._delegate = delegate
        self._anchor = next(islice(self._plain_tokens(), 1), None)
        if self._anchor is None:
            raise ValueError(
                f"The tokenizer {type(delegate).__name__} has no token that stands for an ASCII "
                "letter or digit, so its output cannot be decoded piece by piece."
            )
        self._anchor_length = len(self.at_start([self._anchor]))
        self._text_of_one = lru_cache(_MOST_KEPT)(self._decode_after_text)

    def at_start(self, tokens: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of tokens that begin a text."""
        return str(
            self._delegate.decode(
                list(tokens),
                skip_special_tokens=skip_special_tokens,
                clean_up_tokenization_spaces=False,
            )
        )

    def after_text(self, tokens: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of tokens that follow a whole character of other text."""
        if len(tokens) == 1:
            return self._text_of_one(tokens[0], skip_special_tokens=skip_special_tokens)
        return self._decode_after_text(*tokens, skip_special_tokens=skip_special_tokens)

    def _decode_after_text(self, *tokens: int, skip_special_tokens: bool) -> str:
        assert self._anchor is not None
        text = self.at_start([self._anchor, *tokens], skip_special_tokens=skip_special_tokens)
        return text[self._anchor_length :]

    def _plain_tokens(self) -> Iterator[int]:
        """Tokens that decode to an ASCII letter or digit, and are neither bytes nor special."""
        added = self._delegate.added_tokens_decoder
        likely = self._delegate.encode("a0e", add_special_tokens=False)
        for token in [*likely, *range(min(len(self._delegate), _MOST_CANDIDATES))]:
            piece = self._delegate.convert_ids_to_tokens(token)
            if token in added or not isinstance(piece, str) or _BYTE_TOKEN.fullmatch(piece):
                continue
            text = self.at_start([token])
            if len(text) == 1 and text.isascii() and text.isalnum():
                yield token
