"""Shapes: lists of dims."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from max.graph.dim import Dim, DimLike, StaticDim

ShapeLike: TypeAlias = "Iterable[DimLike]"


class Shape(list[Dim]):
    """The dims of a tensor, outermost first; `Shape(["batch", 4])`."""

    def __init__(self, dims: ShapeLike = ()) -> None:
        super().__init__(Dim(d) for d in dims)

    @property
    def rank(self) -> int:
        """How many dims there are."""
        return len(self)

    @property
    def static_dims(self) -> list[int]:
        """The dims that are numbers."""
        return [int(d) for d in self if isinstance(d, StaticDim)]

    @property
    def is_static(self) -> bool:
        """Whether every dim is a number."""
        return len(self.static_dims) == len(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Iterable):
            return list(self) == [Dim(d) if isinstance(d, int | str) else d for d in other]
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"[{', '.join(map(str, self))}]"

    __hash__ = None  # mutable, like any list
