"""Conversations that another request may go on from."""

from __future__ import annotations

import pytest

from max.serve import stored_responses
from max.serve.errors import ApiError
from max.serve.stored_responses import StoredResponses

TOLD = [{"role": "user", "content": "hello"}]


def test_a_conversation_is_its_owners() -> None:
    stored = StoredResponses()
    stored.put("key-1", "resp_a", TOLD)
    assert stored.get("key-1", "resp_a") == TOLD
    for other in ("key-2", None):
        with pytest.raises(ApiError, match="resp_a") as error:
            stored.get(other, "resp_a")
        assert error.value.status == 404


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_responses, "MOST_RESPONSES", 2)
    stored = StoredResponses()
    for id in ("a", "b", "c"):
        stored.put(None, id, TOLD)
    assert stored.get(None, "b") == stored.get(None, "c") == TOLD
    with pytest.raises(ApiError):
        stored.get(None, "a")


def test_who_keeps_most_forgets_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_responses, "MOST_RESPONSES", 4)
    monkeypatch.setattr(stored_responses, "MOST_CHARACTERS", 1000)
    stored = StoredResponses()
    stored.put("few", "a", TOLD)
    for id in ("a", "b", "c", "d"):
        stored.put("many", id, TOLD)
    assert stored.get("few", "a") == stored.get("many", "b") == TOLD
    with pytest.raises(ApiError):
        stored.get("many", "a")

    stored.put("long", "a", [{"role": "user", "content": "a" * 900}])
    stored.put("few", "b", TOLD)

    assert stored.get("few", "a") == stored.get("few", "b") == TOLD
    with pytest.raises(ApiError):
        stored.get("many", "b")
    with pytest.raises(ApiError):
        stored.get("long", "a")


def test_long_ones_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_responses, "MOST_CHARACTERS", 10)
    stored = StoredResponses()
    stored.put(None, "a", TOLD)
    with pytest.raises(ApiError):
        stored.get(None, "a")
