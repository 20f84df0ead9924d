"""Dims: numbers, names, and what is computed of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.graph import AlgebraicDim, Dim, StaticDim, SymbolicDim


def test_kinds() -> None:
    assert isinstance(Dim(3), StaticDim)
    assert isinstance(Dim("n"), SymbolicDim)
    assert isinstance(Dim("n") + 1, AlgebraicDim)
    assert isinstance(Dim(np.int64(3)), StaticDim)  # type: ignore[arg-type]
    assert Dim(Dim("n")) == Dim("n")


def test_what_cancels_is_a_number() -> None:
    dim = Dim("n") + 3 - "n"
    assert isinstance(dim, StaticDim)
    assert dim == 3
    assert (int(dim), dim.dim) == (3, 3)
    assert Dim("n") * 2 == Dim("n") + "n"
    assert (Dim("n") * 8) // 8 == "n"


def test_equal_dims_are_interchangeable() -> None:
    assert {Dim(3), 3, Dim("n"), Dim("n") * 1} == {3, Dim("n")}
    assert Dim("n") != Dim("m")
    assert Dim("n") != 3
    assert Dim(3) != "n"
    assert (Dim("n") == None) is False  # noqa: E711 - dims compare with anything


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(0, 100), st.integers(1, 100))
def test_arithmetic_of_numbers_is_pythons(a: int, b: int) -> None:
    assert Dim(a) + b == a + b == b + Dim(a)
    assert Dim(a) - b == a - b == -(b - Dim(a))
    assert Dim(a) * b == a * b == b * Dim(a)
    assert Dim(a) // b == a // b


def test_dims_are_evaluated() -> None:
    dim = Dim("n") * 2 + "m"
    assert dim.evaluated({"n": 3, "m": 1, "other": 9}) == 7
    assert dim.evaluated({"n": 3}) == Dim("m") + 6


def test_names_are_shown() -> None:
    assert str(Dim("n") * 2 + 1) == "2*n + 1"
    assert repr(Dim("n")) == "Dim('n')"
    assert repr(Dim(3)) == "Dim(3)"
    assert SymbolicDim("n").name == "n"


def test_dims_serve_as_numbers_where_they_are_numbers() -> None:
    assert [0] * Dim(3) == [0, 0, 0]
    assert list(range(Dim(2))) == [0, 1]
    with pytest.raises(TypeError, match="dim 'n' is not a number until the model runs"):
        int(Dim("n"))


@pytest.mark.parametrize("value", [1.5, True, None, b"n"])
def test_other_things_are_no_dims(value: object) -> None:
    with pytest.raises(TypeError, match="a dim is an int, a name or a Dim"):
        Dim(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "2n", "a b", "n+1"])
def test_names_are_identifiers(name: str) -> None:
    with pytest.raises(ValueError, match="a symbolic dim's name is an identifier"):
        Dim(name)


@pytest.mark.parametrize(
    ("dim", "factor", "offset"),
    [(Dim("n"), 1, 0), (Dim("n") * 3, 3, 0), (Dim("n") * 2 + 5, 2, 5), (Dim("n") - 1, 1, -1)],
)
def test_a_size_tells_the_one_symbol_that_it_is_a_multiple_of(
    dim: Dim, factor: int, offset: int
) -> None:
    found = dim.solution()
    assert found is not None
    assert (str(found.symbol), found.factor, found.offset) == ("n", factor, offset)


@pytest.mark.parametrize(
    "dim", [Dim(3), Dim("n") + "m", Dim("n") * "n", Dim("n") // 2, 7 - Dim("n")]
)
def test_a_size_that_tells_no_symbol(dim: Dim) -> None:
    assert dim.solution() is None
