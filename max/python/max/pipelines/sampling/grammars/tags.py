"""Finding a tag among tokens: as a special token, or as text, wherever tokens are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from max.pipelines.context.constraint import Tag

if TYPE_CHECKING:
    from llguidance import LLTokenizer


class AwaitedTags:
    """Tags that come one after the other.

    Args:
        tags: In their order.
        tokenizer: Tells what tokens stand for.
    """

    def __init__(self, tags: Sequence[Tag], tokenizer: LLTokenizer) -> None:
        self._tags = list(tags)
        self._tokenizer = tokenizer
        self._text = b""

    def __bool__(self) -> bool:
        """Whether there are tags to come."""
        return bool(self._tags)

    def push(self, token: int) -> bytes:
        """Takes a token; returns what it has behind the last tag, if that ends in it."""
        if token == self._tags[0]:
            self._tags.pop(0)
            self._text = b""
            return b""
        if not self._tokenizer.is_special_token(token):
            self._text += self._tokenizer.decode_bytes([token])
        while self._tags and isinstance(tag := self._tags[0], str):
            wanted = tag.encode()
            before, found, after = self._text.partition(wanted)
            if not found:
                self._text = before[max(0, len(before) - len(wanted) + 1) :]
                return b""
            self._tags.pop(0)
            self._text = after
        return b"" if self._tags else self._text

    def forced(self, generated: Sequence[int]) -> int:
        """The token that goes on with the first tag after these, or begins it."""
        tokens = tokens_of(self._tags[0], self._tokenizer)
        begun = (n for n in range(len(tokens) - 1, 0, -1) if list(generated[-n:]) == tokens[:n])
        return tokens[next(begun, 0)]


def tokens_of(tag: Tag, tokenizer: LLTokenizer) -> list[int]:
    """The tokens that a tag is written with."""
    return [tag] if isinstance(tag, int) else tokenizer.tokenize_str(tag, parse_special=True)
