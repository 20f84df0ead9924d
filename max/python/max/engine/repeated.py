"""What was made of the arguments of a call, for later calls with the very same objects."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Generic, TypeVar

T = TypeVar("T")


class Repeated(Generic[T]):
    """Keeps what was made of arguments that come again and again, as those of decoding steps do.

    The same objects, whose elements may have changed: so whatever depends on shapes, types and
    addresses holds. Arguments are kept from the second call in a row on, so that nothing stays
    alive that does not come again.
    """

    def __init__(self) -> None:
        self._ids: tuple[int, ...] = ()
        self._arguments: Sequence[object] = ()
        self._made: T | None = None

    def find(self, arguments: Sequence[object]) -> T | None:
        """What was kept for these; None if they are others."""
        kept = self._arguments
        is_same = len(kept) == len(arguments) and all(map(is_, arguments, kept))
        return self._made if is_same else None

    def keep(self, arguments: Sequence[object], made: T) -> None:
        """Keeps what was made, if the last call that found nothing had the same arguments."""
        ids = tuple(map(id, arguments))
        comes_again = ids == self._ids  # Or others at the same places: these are kept either way.
        self._ids = ids
        self._arguments, self._made = (arguments, made) if comes_again else ((), None)

    def forget(self) -> None:
        """Keeps nothing."""
        self._ids, self._arguments, self._made = (), (), None
