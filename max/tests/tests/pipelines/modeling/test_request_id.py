"""A request's name is a string that can be made out of nothing."""

from __future__ import annotations

import pickle

import pytest

from max.pipelines.modeling.request_id import RequestID


def test_fresh_names_differ() -> None:
    assert len({RequestID() for _ in range(100)}) == 100
    assert len(RequestID()) == 32 and int(RequestID(), 16) >= 0


def test_name_is_its_text() -> None:
    name = RequestID("abc")
    assert name == "abc" and hash(name) == hash("abc") and str(name) == "abc"
    assert type(str(name)) is str
    assert repr(name) == "RequestID('abc')"


def test_name_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(RequestID("abc")))
    assert copy == "abc" and isinstance(copy, RequestID)


def test_empty_name_is_refused() -> None:
    with pytest.raises(ValueError, match="may not be empty"):
        RequestID("")
