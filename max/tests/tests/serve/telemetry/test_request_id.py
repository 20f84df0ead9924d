"""Tests of `max.serve.telemetry.request_id` and the ids that follow from it."""

from __future__ import annotations

import re

import pytest

from max.serve.telemetry.request_id import accepted_request_id
from max.serve.telemetry.request_record import RequestRecord


@pytest.mark.parametrize("given", ["a", "7c9e6679-7425-40de-944b-e07fc1f90ae7", "x" * 128, "a:b=c"])
def test_clients_id_is_kept(given: str) -> None:
    assert accepted_request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "two words", "a\nb", "é", "a/b", '"'])
def test_unsafe_id_is_replaced(given: str | None) -> None:
    assert re.fullmatch("[0-9a-f]{32}", accepted_request_id(given))


def test_engine_ids_are_unique_though_clients_repeat_theirs() -> None:
    ids = [RequestRecord(request_id="a").engine_id(index) for _ in range(2) for index in range(2)]

    assert len(set(ids)) == 4
    assert all(engine_id.startswith("a/") for engine_id in ids)
