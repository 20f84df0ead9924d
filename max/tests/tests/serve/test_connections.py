"""Tests of `max.serve.connections`."""

from __future__ import annotations

import logging
import resource

import pytest

from max.serve.connections import Connections, connections_within, raise_file_limit
from max.serve.leaving import LeavingBytes


class Client:
    """A connection that remembers how it was refused."""

    def __init__(self) -> None:
        self.refused: bytes | None = None
        self.gave_up = False

    def refuse(self, status: bytes) -> None:
        self.refused = status

    def give_up(self, most: int) -> None:
        self.gave_up = True


def make_clients(limits: Connections, count: int) -> list[Client]:
    clients = [Client() for _ in range(count)]
    for client in clients:
        limits.opened(client)
    return clients


def test_longest_waiting_connection_makes_room(caplog: pytest.LogCaptureFixture) -> None:
    limits = Connections(3, 100)
    busy, oldest, old = make_clients(limits, 3)
    limits.arrived(busy)

    with caplog.at_level(logging.WARNING):
        (new, newer) = make_clients(limits, 2)

    assert oldest.refused == old.refused == b"503 Service Unavailable"
    assert busy.refused is new.refused is newer.refused is None
    assert len(caplog.records) == 1
    assert "--max-connections" in caplog.text


def test_one_that_was_answered_waits_anew() -> None:
    limits = Connections(2, 100)
    first, second = make_clients(limits, 2)
    limits.arrived(first)
    limits.waits(first)

    make_clients(limits, 1)

    assert first.refused is None
    assert second.refused is not None


def test_new_connection_is_refused_when_all_are_busy() -> None:
    limits = Connections(2, 100)
    for client in make_clients(limits, 2):
        limits.arrived(client)

    (new,) = make_clients(limits, 1)

    assert new.refused is not None


def test_ended_connections_leave_room() -> None:
    limits = Connections(2, 100)
    first, second = make_clients(limits, 2)
    limits.closed(first)

    make_clients(limits, 1)

    assert second.refused is None


def test_largest_unfinished_body_makes_room_for_others() -> None:
    limits = Connections(9, 100)
    whole, large, small = make_clients(limits, 3)
    limits.received(whole, 60)
    limits.arrived(whole)
    limits.received(large, 35)
    limits.received(small, 5)
    assert large.refused is None

    limits.received(small, 1)

    assert large.refused == b"503 Service Unavailable"
    assert whole.refused is small.refused is None
    limits.received(small, 34)
    assert small.refused is None


def test_parts_of_a_body_count_together_and_to_the_byte(caplog: pytest.LogCaptureFixture) -> None:
    limits = Connections(9, 100)
    first, second = make_clients(limits, 2)
    for _ in range(4):
        limits.received(first, 15)
    limits.received(second, 40)
    assert first.refused is second.refused is None

    with caplog.at_level(logging.WARNING):
        limits.received(second, 1)

    assert first.refused is not None and second.refused is None
    assert caplog.messages == [
        "Connections are closed for others: 100 bytes of bodies are arriving (--max-arriving-bytes)"
    ]


def test_body_that_is_too_much_is_refused_where_nothing_is_pending() -> None:
    limits = Connections(9, 100)
    (client,) = make_clients(limits, 1)
    limits.received(client, 60)
    limits.arrived(client)

    limits.received(client, 41)

    assert client.refused is not None


def test_pending_connection_without_a_body_is_not_the_largest() -> None:
    limits = Connections(9, 0)
    silent, talking = make_clients(limits, 2)
    limits.received(talking, 1)
    assert silent.refused is None and talking.refused is not None


def test_requests_may_arrive_one_behind_the_other() -> None:
    limits = Connections(9, 100)
    (client,) = make_clients(limits, 1)
    for _ in range(2):
        limits.arrived(client)
    assert client.refused is None


def test_release_of_what_has_no_body_changes_nothing() -> None:
    limits = Connections(9, 100)
    first, second = make_clients(limits, 2)
    limits.release(first)
    limits.received(second, 100)
    limits.received(first, 1)
    assert second.refused is not None


def test_answered_connection_goes_to_the_end_of_those_that_wait() -> None:
    limits = Connections(2, 100)
    first, second = make_clients(limits, 2)
    limits.waits(first)  # It was pending already.

    make_clients(limits, 1)

    assert second.refused is not None and first.refused is None


def test_body_that_is_read_is_not_counted() -> None:
    limits = Connections(9, 100)
    first, second = make_clients(limits, 2)
    limits.received(first, 60)
    limits.received(first, 40)
    limits.release(first)

    limits.received(second, 100)

    assert first.refused is second.refused is None
    limits.received(second, 1)
    assert second.refused is not None


def test_body_of_a_refused_connection_is_not_counted() -> None:
    limits = Connections(9, 100)
    first, second = make_clients(limits, 2)
    limits.received(first, 101)
    limits.received(first, 101)  # What was on its way.

    limits.received(second, 100)

    assert first.refused is not None
    assert second.refused is None


def test_files_bound_connections() -> None:
    assert connections_within(4096, 1 << 20) == 4096
    assert connections_within(4096, 1024) == 896
    assert connections_within(4096, 64) == 1


def test_files_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (endless, endless))
    assert raise_file_limit() == 1 << 20


def test_file_limit_is_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] // 2, before[1]))

        assert raise_file_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_answers_that_are_not_read_count_until_they_are_sent_or_their_client_is_gone() -> None:
    leaving = LeavingBytes(100)
    limits = Connections(9, 100, leaving)
    first, second, third = make_clients(limits, 3)
    limits.unsent(first, 40)
    limits.unsent(second, 50)
    assert leaving.total == 90
    limits.sent(first)
    limits.unsent(third, 30)
    assert leaving.total == 80
    limits.closed(third)

    limits.unsent(first, 51)

    assert [client.gave_up for client in (first, second, third)] == [True, False, False]
    assert leaving.total == 50
