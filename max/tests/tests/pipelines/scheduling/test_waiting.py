"""Whose turn it is: clients and calls that ask for much beside those that ask for little."""

from __future__ import annotations

from collections import Counter

import pytest

from max.pipelines.scheduling.waiting import group_of
from tests.pipelines.scheduling.fake_model import make_context, make_manager
from tests.pipelines.scheduling.stepped_server import PROMPT, Server


def add(server: Server, name: str, client: str = "", weight: float = 1.0) -> None:
    ctx = make_context(PROMPT, 16, name)
    ctx.client, ctx.client_weight = client, weight
    server.scheduler.add(ctx)


def make_server(batch: int = 4) -> Server:
    return Server(make_manager(1000), batch=batch, budget=64)


def running(server: Server) -> list[str]:
    return list(server.step())


def test_call_is_what_ids_begin_with() -> None:
    ids = ["a/b.0", "a/b.12", "a.c/d.0", "plain"]
    groups = [group_of(make_context(PROMPT, 16, name)) for name in ids]
    assert groups == ["a/b", "a/b", "a.c/d", "plain"]


def test_single_requests_begin_in_order() -> None:
    server = make_server()
    for name in "abcdef":
        add(server, name)

    assert running(server) == ["a", "b", "c", "d"]


def test_call_of_many_yields_a_place_to_a_later_one() -> None:
    server = make_server()
    for number in range(12):
        add(server, f"many.{number}")
    assert running(server) == [f"many.{number}" for number in range(4)]

    add(server, "one.0")

    assert running(server) == ["many.0", "many.1", "many.2", "one.0"]
    assert server.scheduler.num_preemptions == 1
    assert running(server) == ["many.0", "many.1", "many.2", "one.0"]


def test_single_requests_yield_to_nobody() -> None:
    server = make_server()
    for name in "abcd":
        add(server, name)
    running(server)

    add(server, "e")

    assert running(server) == ["a", "b", "c", "d"]
    assert server.scheduler.num_preemptions == 0


@pytest.mark.parametrize(("weight", "expected"), [(1.0, 2), (3.0, 3)])
def test_clients_get_their_shares(weight: float, expected: int) -> None:
    server = make_server()
    for number in range(4):
        add(server, f"g{number}", "greedy")
    running(server)

    for number in range(4):
        add(server, f"h{number}", "honest", weight)

    for _ in range(4):  # One place in a step.
        names = Counter(name[0] for name in running(server))
    assert names == {"g": 4 - expected, "h": expected}


def test_places_that_become_free_go_to_who_has_fewest() -> None:
    server = make_server(batch=2)
    for number in range(6):
        add(server, f"g.{number}", "greedy")
    for number in range(3):
        add(server, f"h.{number}", "honest")

    begun: list[str] = []
    while server.scheduler.has_work:
        begun += [name for name in server.step() if name not in begun]

    assert begun[:6] == ["g.0", "h.0", "g.1", "h.1", "g.2", "h.2"]


def test_preempted_request_comes_back_before_its_fellows() -> None:
    server = make_server(batch=2)
    for number in range(4):
        add(server, f"many.{number}")
    running(server)
    add(server, "one.0")
    assert running(server) == ["many.0", "one.0"]
    server.scheduler.cancel(make_context(PROMPT, 16, "one.0").request_id)

    assert running(server) == ["many.0", "many.1"]


def test_pages_are_yielded_too() -> None:
    server = Server(make_manager(8), batch=8, budget=64)
    for number in range(8):
        add(server, f"many.{number}")
    assert len(running(server)) < 8

    add(server, "one.0")

    assert "one.0" in running(server)
