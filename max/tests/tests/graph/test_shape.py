"""Shapes."""

from __future__ import annotations

import pytest

from max.graph import Dim, Shape


def test_shapes_are_lists_of_dims() -> None:
    shape = Shape(["n", 4])
    assert shape == [Dim("n"), Dim(4)]
    assert shape == ("n", 4)
    assert (shape.rank, shape.static_dims, shape.is_static) == (2, [4], False)
    assert repr(shape) == "[n, 4]"
    assert Shape([2, 3]).is_static
    assert Shape() == []


def test_shapes_differ_from_other_iterables_when_a_dim_does() -> None:
    assert (Shape([1, 2]) != (1, 2)) is False
    assert Shape([1, 2]) != (1, 3)
    assert Shape([1, 2]) != [1]
    assert Shape(["n"]) != [1]


def test_shapes_are_not_hashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Shape([1]))
