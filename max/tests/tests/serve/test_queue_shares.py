"""Tests of `max.serve.queue_shares`."""

from __future__ import annotations

import pytest

from max.serve.clients import Client
from max.serve.queue_shares import QueueShares

A, B, HEAVY = Client("a"), Client("b"), Client("heavy", weight=3)


def filled(shares: QueueShares, client: Client, calls: int, requests: int = 1) -> QueueShares:
    for call in range(calls):
        shares.add(client, call, requests)
    return shares


def test_queue_is_full_when_all_places_are_taken() -> None:
    shares = filled(QueueShares(3), A, 4)
    assert not shares.is_full_for(A, running=2)

    shares.add(A, 9, 1)

    assert shares.is_full_for(A, running=2)


def test_client_below_its_share_joins_a_full_queue() -> None:
    shares = filled(QueueShares(8), A, 10)
    assert not shares.is_full_for(B, running=2)

    filled(shares, B, 5)

    assert shares.is_full_for(B, running=2)
    assert not shares.is_full_for(HEAVY, running=2)


@pytest.mark.parametrize("requests", [9, 2048])
def test_call_of_many_requests_leaves_places(requests: int) -> None:
    shares = filled(QueueShares(16), A, 1, requests)

    assert not shares.is_full_for(A, running=4)
    assert filled(shares, A, 8, requests).is_full_for(A, running=4)


def test_requests_that_are_done_leave_their_places() -> None:
    shares = filled(QueueShares(2), A, 3)
    assert shares.is_full_for(A, running=1)

    shares.remove("a", 0)

    assert not shares.is_full_for(A, running=1)
    shares.remove("a", 1)
    shares.remove("a", 2)
    assert not shares.is_full_for(A, running=0)


def test_queue_without_places() -> None:
    shares = QueueShares(0)
    assert not shares.is_full_for(A, running=1)
    assert filled(shares, A, 1).is_full_for(A, running=1)
    assert not shares.is_full_for(B, running=1)


def test_requests_of_a_call_count_together() -> None:
    """Of 16 places and 4 that run, a call takes 6 at most, as many as this one has in the end."""
    shares = filled(QueueShares(16), A, 1, requests=3)
    shares.add(A, 0, 3)
    for call in range(1, 15):
        shares.add(A, call, 1)
    assert shares.is_full_for(A, running=4)

    shares.remove("a", 0)
    assert not shares.is_full_for(A, running=4)

    shares.add(A, 15, 1)
    assert shares.is_full_for(A, running=4)


def test_weight_is_the_part_of_the_places() -> None:
    """Of 10 places, 6 are those of a client with weight 3 beside two others with 1."""
    shares = filled(filled(QueueShares(8), A, 10), B, 1)
    assert not filled(shares, HEAVY, 5).is_full_for(HEAVY, running=2)
    assert filled(shares, HEAVY, 6).is_full_for(HEAVY, running=2)


@pytest.mark.parametrize(("size", "calls", "singles"), [(4, 1, 2), (12, 2, 8)])
def test_call_of_many_takes_a_whole_place_beyond_those_that_run(
    size: int, calls: int, singles: int
) -> None:
    """An eighth of the queue, and one place at least."""
    shares = filled(QueueShares(size), A, calls, requests=100)
    for call in range(calls, calls + singles):
        shares.add(A, call, 1)

    assert not shares.is_full_for(A, running=1)
    shares.add(A, 99, 1)
    assert shares.is_full_for(A, running=1)
