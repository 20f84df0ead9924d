"""Whose turn it is: clients and calls that ask for much beside those that ask for little."""

from __future__ import annotations

from collections import Counter

import pytest

from max.pipelines.context import TextContext
from max.pipelines.scheduling.waiting import Places, WaitingRequests, group_of
from tests.pipelines.scheduling.fake_model import make_context, make_manager
from tests.pipelines.scheduling.stepped_server import PROMPT, Server


def request(name: str, client: str = "", weight: float = 1.0) -> TextContext:
    ctx = make_context(PROMPT, 16, name)
    ctx.client, ctx.client_weight = client, weight
    return ctx


def add(server: Server, name: str, client: str = "", weight: float = 1.0) -> None:
    server.scheduler.add(request(name, client, weight))


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


def test_places_are_counted_for_weights() -> None:
    places = Places.of([request("a.0", "a"), request("b.0", "b", 4.0), request("b.1", "b", 4.0)])
    assert (places.share("a"), places.share("b"), places.share("b", 2)) == (1, 0.5, 1)
    assert (places.of_client, places.of_group) == ({"a": 1, "b": 2}, {"a": 1, "b": 2})
    assert places.share("of whom nothing is known", 3) == 3

    for _ in range(2):
        places.add(request("b.2", "b", 4.0))
    places.remove(request("b.0", "b", 4.0))

    assert (places.of_client["b"], places.of_group["b"]) == (3, 3)


@pytest.mark.parametrize(("places_of_a", "yields"), [(1, None), (2, "a"), (3, "a")])
def test_who_has_more_yields_unless_it_would_have_less_then(
    places_of_a: int, yields: str | None
) -> None:
    places = Places.of([request(f"a.{number}", "a") for number in range(places_of_a)])
    assert places.who_yields_to(request("b", "b")) == yields


def test_what_the_one_who_asks_has_counts() -> None:
    mine = [request("b.0", "b"), request("c.0", "b")]
    places = Places.of([*mine, *(request(f"a{number}", "a") for number in range(3))])
    assert places.who_yields_to(request("d.0", "b")) is None
    places.add(request("a3", "a"))
    assert places.who_yields_to(request("d.0", "b")) in {"a0", "a1", "a2", "a3"}


def test_of_one_client_the_largest_call_yields() -> None:
    names = ["x.0", "few.0", "few.1", "many.0", "many.1", "many.2", "y.0"]
    places = Places.of([request(name, "a") for name in names])
    assert places.who_yields_to(request("new", "a")) == "many"
    assert places.who_yields_to(request("new", "b")) == "many"
    assert places.who_yields_to(request("x.1", "a")) is None
    assert Places().who_yields_to(request("new")) is None


def test_who_was_running_comes_first_of_its_client_and_call() -> None:
    waiting, places = WaitingRequests(), Places()
    for name in ("x.0", "y.0", "y.1"):
        waiting.add(request(name, "a"))
    waiting.add_first(request("y.2", "a"))
    order = []
    while (ctx := waiting.next_in_turn(places)) is not None:
        order.append(str(ctx.request_id))
        waiting.pop(ctx.request_id)
    assert order == ["y.2", "y.0", "y.1", "x.0"]


def test_of_calls_that_have_places_the_one_with_fewest_is_next() -> None:
    waiting = WaitingRequests()
    for name in ("many.9", "few.9", "none.0"):
        waiting.add(request(name, "a"))
    has = ["many.0", "many.1", "few.0"]
    places = Places.of([request(name, "a") for name in has])
    assert str(next_id(waiting, places)) == "none.0"
    waiting.pop(request("none.0").request_id)
    assert str(next_id(waiting, places)) == "few.9"


def test_a_client_s_weight_is_known_while_it_only_waits() -> None:
    waiting = WaitingRequests()
    waiting.add(request("a.9", "a", 1.0))
    waiting.add(request("b.9", "b", 4.0))
    places = Places()
    places.of_client.update({"a": 1, "b": 2})
    assert str(next_id(waiting, places)) == "b.9"


def next_id(waiting: WaitingRequests, places: Places) -> str:
    ctx = waiting.next_in_turn(places)
    assert ctx is not None
    return ctx.request_id
