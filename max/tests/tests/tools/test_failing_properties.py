"""A property that fails shows its example well before its test is ended; see `conftest.py`."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine

TIMEOUT_S = 120


def test_example_is_shown_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on a second whenever it is looked at, which is at each run."""
    seconds = itertools.count()
    clock = SimpleNamespace(perf_counter=seconds.__next__, monotonic=seconds.__next__)
    monkeypatch.setattr(engine, "time", clock)
    runs = 0

    @given(st.lists(st.integers(0, 10**6)), st.lists(st.integers(0, 10**6)))
    def fails(some: list[int], others: list[int]) -> None:
        nonlocal runs
        runs += 1
        assert sum(some) + sum(others) < 1000 or len(set(some)) < 5

    with pytest.raises(AssertionError) as failure:
        fails()

    (note,) = [note for note in failure.value.__notes__ if "some=[" in note]
    assert "others=[" in note
    assert next(seconds) < TIMEOUT_S / 2
    assert runs > engine.MAX_SHRINKING_SECONDS / 2, "it was shrunk"
