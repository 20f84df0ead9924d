"""Dimensions of shapes: static numbers, named symbols, and expressions of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import sympy
from torch.utils._sympy.functions import FloorDiv

DimLike: TypeAlias = "int | str | Dim"


class Solution(NamedTuple):
    """A size is `factor * symbol + offset`."""

    symbol: sympy.Symbol
    factor: int
    offset: int


class Dim:
    """One size of a shape. `Dim(5)` is static, `Dim("batch")` symbolic; `+ - * //` combine them.

    Two symbolic dims of one graph are the same size exactly when they have the same name.
    Immutable; equal dims are interchangeable, and a static dim equals its number.
    """

    expr: sympy.Expr

    def __new__(cls, value: DimLike) -> Dim:
        if isinstance(value, Dim):
            return value
        if isinstance(value, str):
            if not value.isidentifier():
                raise ValueError(f"a symbolic dim's name is an identifier, got {value!r}")
            return _make(sympy.Symbol(value, integer=True))
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"a dim is an int, a name or a Dim, got {value!r}")
        return _make(sympy.Integer(value.__index__()))

    @staticmethod
    def of(expr: sympy.Expr) -> Dim:
        """The dim of a sympy expression over symbols named like the symbolic dims."""
        return _make(expr)

    def evaluated(self, sizes: Mapping[str, int]) -> Dim:
        """This dim with the symbols replaced whose sizes are given by name."""
        known = {s: sizes[str(s)] for s in self.expr.free_symbols if str(s) in sizes}
        return _make(self.expr.subs(known))

    def solution(self) -> Solution | None:
        """The one symbol that this size tells, if it is a multiple of it and a number."""
        symbols = self.expr.free_symbols
        if len(symbols) != 1:
            return None
        (symbol,) = symbols
        factor = self.expr.coeff(symbol, 1)
        offset = self.expr - factor * symbol
        if not (factor.is_Integer and factor > 0 and offset.is_Integer):
            return None
        return Solution(symbol, int(factor), int(offset))

    def _combined(self, other: object, function: Callable[[Any, Any], Any]) -> Any:
        if not isinstance(other, Dim | str) and not hasattr(other, "__index__"):
            return NotImplemented  # a tensor, say, which knows what to do with a dim
        return _make(function(self.expr, Dim(cast("DimLike", other)).expr))

    def __add__(self, other: DimLike) -> Dim:
        return cast(Dim, self._combined(other, operator.add))

    def __sub__(self, other: DimLike) -> Dim:
        return cast(Dim, self._combined(other, operator.sub))

    def __mul__(self, other: DimLike) -> Dim:
        return cast(Dim, self._combined(other, operator.mul))

    def __floordiv__(self, other: DimLike) -> Dim:
        return cast(Dim, self._combined(other, FloorDiv))

    def __radd__(self, other: DimLike) -> Dim:
        return cast(Dim, self._combined(other, operator.add))

    def __rsub__(self, other: DimLike) -> Dim:
        return cast(Dim, self._combined(other, lambda a, b: b - a))

    def __rmul__(self, other: DimLike) -> Dim:  # type: ignore[misc]  # str has a __mul__ too
        return cast(Dim, self._combined(other, operator.mul))

    def __neg__(self) -> Dim:
        return _make(-self.expr)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | str | Dim):
            return bool(self.expr == Dim(other).expr)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(int(self)) if isinstance(self, StaticDim) else hash(self.expr)

    def __int__(self) -> int:
        if not isinstance(self, StaticDim):
            raise TypeError(f"dim '{self}' is not a number until the model runs")
        return int(self.expr)

    def __index__(self) -> int:
        return int(self)

    def __str__(self) -> str:
        return str(self.expr)

    def __repr__(self) -> str:
        return f"Dim({int(self)})" if isinstance(self, StaticDim) else f"Dim('{self}')"


class StaticDim(Dim):
    """A dim that is a number."""

    @property
    def dim(self) -> int:
        """The number."""
        return int(self)


class SymbolicDim(Dim):
    """A dim that is a name; its number is known when the model runs."""

    @property
    def name(self) -> str:
        """The name."""
        return str(self.expr)


class AlgebraicDim(Dim):
    """A dim computed from symbolic dims, `2*seq + 1` say."""


def _make(expr: sympy.Expr) -> Dim:
    cls: type[Dim] = AlgebraicDim
    if expr.is_Integer:
        cls = StaticDim
    elif expr.is_Symbol:
        cls = SymbolicDim
    dim = object.__new__(cls)
    dim.expr = expr
    return dim
