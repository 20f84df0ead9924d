"""Tests of `max.serve.panics`."""

from __future__ import annotations

import asyncio

import pytest

from max.serve.panics import NativePanic, as_error


class PanicException(BaseException):
    """As Rust's bindings raise it."""


def test_panic_is_an_error_that_tells_its_cause() -> None:
    panic = PanicException("index out of bounds")

    error = as_error(panic)

    assert isinstance(error, NativePanic)
    assert "PanicException: index out of bounds" in str(error)
    assert error.__cause__ is panic


def test_errors_are_left_as_they_are() -> None:
    error = ValueError("x")

    assert as_error(error) is error


@pytest.mark.parametrize("end", [asyncio.CancelledError, SystemExit, KeyboardInterrupt])
def test_ends_are_no_errors(end: type[BaseException]) -> None:
    with pytest.raises(end):
        as_error(end())
