"""Reading a text that is still being written.

What reads it is a generator. It gives events, and None when it can go no further without more text:
so how the text is cut into pieces cannot change what is found in it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

from max.pipelines.parsing.events import Event

T = TypeVar("T")
Reading: TypeAlias = Generator[Event | None, None, T]
Pieces: TypeAlias = Generator[str | None, None, T]


class Source:
    """The text that has come and is not read yet.

    Attributes:
        text: What there is of it.
        is_over: Whether no more will come.
        is_reasoning: Whether what comes next is thought by the model, as far as is known.
    """

    def __init__(self) -> None:
        self.text = ""
        self.is_over = False
        self.is_reasoning = False
        self._kept: list[str] | None = None

    def take(self, count: int) -> str:
        """Reads the next characters."""
        taken, self.text = self.text[:count], self.text[count:]
        if self._kept is not None:
            self._kept.append(taken)
        return taken

    def begin_keeping(self) -> None:
        """Keeps what is read from now on."""
        self._kept = []

    def kept(self) -> str:
        """What was read since `begin_keeping`; nothing is kept any more."""
        kept, self._kept = "".join(self._kept or ()), None
        return kept


def until(source: Source, tags: Sequence[str], make: Callable[[str], Event]) -> Reading[str | None]:
    """Gives the text before the first of the tags; returns that tag, or None at the end."""
    return (yield from _using(_until(source, tags), make))


def text_until(source: Source, tags: Sequence[str]) -> Reading[tuple[str, str | None]]:
    """Returns the text before the first of the tags, and that tag or None at the end."""
    parts: list[str] = []
    tag = yield from _using(_until(source, tags), parts.append)
    return "".join(parts), tag


def json_value(source: Source, make: Callable[[str], Event]) -> Reading[bool]:
    """Gives the text of a JSON value, exactly as it stands; returns whether it has an end."""
    return (yield from _using(_value(source), make))


def json_text(source: Source) -> Reading[str]:
    """Returns the text of a JSON value."""
    parts: list[str] = []
    yield from _using(_value(source), parts.append)
    return "".join(parts)


def skip_space(source: Source) -> Reading[str]:
    """Reads whitespace; returns the character after it, or "" at the end."""
    while True:
        source.take(len(source.text) - len(source.text.lstrip()))
        if source.text or source.is_over:
            return source.text[:1]
        yield None


def begins_with(source: Source, texts: Sequence[str]) -> Reading[str | None]:
    """Reads the one of the texts that comes next; returns None, and reads nothing, if none does."""
    while True:
        found = [text for text in texts if source.text.startswith(text)]
        if found:
            best = max(found, key=len)
            source.take(len(best))
            return best
        if source.is_over or not any(text.startswith(source.text) for text in texts):
            return None
        yield None


def _using(pieces: Pieces[T], use: Callable[[str], Any]) -> Reading[T]:
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        if piece is None:
            yield None
        elif (event := use(piece)) is not None:
            yield event


def _until(source: Source, tags: Sequence[str]) -> Pieces[str | None]:
    while True:
        found = [(at, -len(tag), tag) for tag in tags if (at := source.text.find(tag)) >= 0]
        if found:
            at, _, tag = min(found)
            if at:
                yield source.take(at)
            source.take(len(tag))
            return tag
        held_back = 0 if source.is_over else _begun(source.text, tags)
        if certain := len(source.text) - held_back:
            yield source.take(certain)
        if source.is_over:
            return None
        yield None


def _begun(text: str, tags: Sequence[str]) -> int:
    """How many of the last characters may be the beginning of a tag."""
    longest = min(len(text), max(map(len, tags), default=1) - 1)
    lengths = range(longest, 0, -1)
    return next((n for n in lengths if any(t.startswith(text[-n:]) for t in tags)), 0)


def _value(source: Source) -> Pieces[bool]:
    depth, in_string, escaped = 0, False, False
    while True:
        for at, character in enumerate(source.text):
            end = None
            if in_string:
                if escaped:
                    escaped = False
                elif character == "\\":
                    escaped = True
                elif character == '"':
                    in_string = False
                    end = at + 1 if depth == 0 else None
            elif character == '"':
                in_string = True
            elif character in "{[":
                depth += 1
            elif character in "}]" and depth:
                depth -= 1
                end = at + 1 if depth == 0 else None
            elif depth == 0 and character in "}], \t\r\n<":
                end = at  # a number or a word has no end of its own
            if end is not None:
                if end:
                    yield source.take(end)
                return True
        if source.text:
            yield source.take(len(source.text))
        if source.is_over:
            return False
        yield None
