"""Tests of `max.serve.request_table`."""

from __future__ import annotations

from typing import Any, cast

import pytest

from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.modeling.types import RequestID
from max.serve.clients import Client
from max.serve.context_codec import from_context
from max.serve.errors import ApiError
from max.serve.mailbox import Mailbox
from max.serve.request_table import RequestTable
from max.serve.running_request import RunningRequest
from max.serve.throughput import UNKNOWN_WAIT_S

A, B = Client("a"), Client("b")
UNUSED = cast(Any, None)


def make_call(client: Client, *names: str) -> list[RunningRequest]:
    """The choices of one HTTP request."""
    mailbox = Mailbox()
    contexts = [
        TextContext(
            tokens=TokenBuffer([1]),
            max_length=9,
            request_id=RequestID(name),
            client=client.name,
            eos_tracker=EOSTracker(),
            sampling_params=SamplingParams(),
        )
        for name in names
    ]
    return [
        RunningRequest(from_context(context), mailbox, index, UNUSED, UNUSED)
        for index, context in enumerate(contexts)
    ]


def refusal_of(table: RequestTable, client: Client) -> ApiError:
    with pytest.raises(ApiError) as caught:
        table.check_room(client)
    return caught.value


def test_full_table_says_how_full_it_is_and_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 20.0)
    table = RequestTable(max_queue_size=3)
    table.max_batch_size = 2
    for name in "abcd":
        table.add(A, make_call(A, name))
    table.check_room(A)
    table.add(A, make_call(A, "e"))

    error = refusal_of(table, A)
    assert (error.status, error.retry_after) == (429, UNKNOWN_WAIT_S)
    assert "5 are running or waiting" in str(error) and "holds 3" in str(error)

    for now in (10.0, 15.0):
        table.note_completed(now)
    # Two in 10 s; three wait, and this one would be the fourth.
    assert refusal_of(table, A).retry_after == 4 * 5

    table.max_batch_size = 8
    table.check_room(A)


def test_nobody_waits_where_there_is_no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 12.0)
    table = RequestTable(max_queue_size=0)
    table.max_batch_size = 3
    table.add(A, make_call(A, "a", "b"))
    table.check_room(A)
    table.add(A, make_call(A, "c"))
    for now in (0.0, 2.0):
        table.note_completed(now)
    assert refusal_of(table, A).retry_after == 6  # the next one of two in 12 s


def test_calls_are_counted_by_themselves() -> None:
    """A call of many takes an eighth of the queue's places beyond those that run."""
    table = RequestTable(max_queue_size=16)
    table.max_batch_size = 4
    large = make_call(A, *(f"large{number}" for number in range(40)))
    table.add(A, large)
    for number in range(13):
        table.add(A, make_call(A, f"a{number}"))
    table.check_room(A)  # 6 + 13 places of 20
    table.add(A, make_call(A, "last"))
    assert refusal_of(table, A).status == 429
    table.check_room(B)

    for request in large[:30]:
        assert table.remove(request.request_id) is request
    assert refusal_of(table, A).status == 429  # It still takes 6.
    for request in large[30:35]:
        table.remove(request.request_id)
    table.check_room(A)  # It has 5 now.
    assert table.remove("large0") is None


def test_idle_and_busy() -> None:
    table = RequestTable(max_queue_size=4)
    assert table.times_idle == 0
    for times in (1, 2):
        table.add(A, make_call(A, "a", "b"))
        assert len(table) == 2 and "a" in table
        assert [request.request_id for request in table] == ["a", "b"]
        assert (found := table.get("a")) is not None and found.request_id == "a"
        table.remove("a")
        assert table.times_idle == times - 1
        table.remove("b")
        assert table.times_idle == times and not len(table)
