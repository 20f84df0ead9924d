"""Control tokens that a client writes are text: only the template ends a turn or begins one.

A tokenizer finds the texts of its special tokens wherever they stand: `<|eot_id|>` in a user's
message would end the turn. So the strings of a conversation are marked, inside each such text,
before the template gets them. Where a mark comes out, the prompt is cut, and its pieces are
tokenized one by one: a control token that has a cut in it is none.

    a user's    "a <|eot_id|> b"
    marked      "a <MARK|eot_id|> b"
    prompt      "...a <" | "|eot_id|> b..."

A string may also end with a part of one, which the next string goes on with: it gets a mark behind.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")


class CutText(NamedTuple):
    """A text and the places inside it at which it is cut."""

    text: str
    cuts: tuple[int, ...] = ()


class ControlTokens:
    """The texts that stand for control tokens.

    Args:
        texts: those of the tokenizer's special tokens.
    """

    def __init__(self, texts: Collection[str]) -> None:
        # A single character cannot be cut.
        texts = sorted((text for text in set(texts) if len(text) > 1), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, texts))) if texts else None
        self._beginnings = {text[:2] for text in texts}
        self._prefixes = {text[:end] for text in texts for end in range(1, len(text))}
        self._longest = max(map(len, texts), default=0)

    def new_mark(self) -> str:
        """A mark that no client knows, of letters that no template changes."""
        return "x" + secrets.token_hex(12) + "x"

    def marked(self, value: T, mark: str) -> T:
        """A message, or any other JSON value, with marks in its strings."""
        result: Any = value
        if isinstance(value, str):
            result = self._marked_text(value, mark)
        elif isinstance(value, list | tuple):
            result = [self.marked(item, mark) for item in value]
        elif isinstance(value, dict):
            result = {
                self.marked(name, mark): self.marked(item, mark) for name, item in value.items()
            }
        return cast("T", result)

    def _marked_text(self, text: str, mark: str) -> str:
        if self._pattern is not None and any(each in text for each in self._beginnings):
            text = self._pattern.sub(lambda found: found[0][0] + mark + found[0][1:], text)
        ends = range(1, min(self._longest, len(text) + 1))
        return text + mark if any(text[-end:] in self._prefixes for end in ends) else text


def cut(text: str, mark: str) -> CutText:
    """A text without its marks, and where they were."""
    if mark not in text:
        return CutText(text)
    pieces = text.split(mark)
    lengths = [len(piece) for piece in pieces[:-1]]
    cuts = {sum(lengths[: number + 1]) for number in range(len(lengths))}
    whole = "".join(pieces)
    return CutText(whole, tuple(sorted(cuts - {0, len(whole)})))


def pieces_of(text: str, cuts: tuple[int, ...]) -> list[str]:
    """The pieces of a cut text."""
    edges = [0, *cuts, len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
