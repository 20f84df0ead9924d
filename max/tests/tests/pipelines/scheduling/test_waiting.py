"""Whose turn it is: clients and calls that ask for much beside those that ask for little."""

from __future__ import annotations

from collections import Counter

import pytest

from max.pipelines.context import TextContext
from max.pipelines.scheduling.shares import Shares
from max.pipelines.scheduling.waiting import WaitingRequests
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


def test_one_place_changes_hands_in_a_step() -> None:
    server = make_server()
    for number in range(4):
        add(server, f"g{number}", "greedy")
    running(server)
    for number in range(4):
        add(server, f"h{number}", "honest")

    assert running(server) == ["g0", "g1", "g2", "h0"]
    assert running(server) == ["g0", "g1", "h0", "h1"]
    assert server.scheduler.num_preemptions == 2


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


def test_who_was_running_comes_first_of_its_client_and_call() -> None:
    waiting = WaitingRequests()
    for name in ("x.0", "y.0", "y.1"):
        waiting.add(request(name, "a"))
    waiting.add_first(request("y.2", "a"))
    order = []
    while (found := next_id(waiting)) is not None:
        order.append(found)
        waiting.pop(request(found).request_id)
    assert order == ["y.2", "y.0", "y.1", "x.0"]


def test_of_calls_that_have_places_the_one_with_fewest_is_next() -> None:
    waiting = WaitingRequests()
    for name in ("all.9", "one.9", "none.0"):
        waiting.add(request(name, "a"))
    has = ["all.0", "all.1", "one.0"]
    assert next_id(waiting, has) == "none.0"
    waiting.pop(request("none.0").request_id)
    assert next_id(waiting, has) == "one.9"


def test_clients_of_which_nothing_runs_are_compared_by_what_they_had() -> None:
    waiting = WaitingRequests()
    for client in "abc":
        waiting.add(request(f"{client}.0", client, 2.0))
    assert waiting.weights == {"a": 2, "b": 2, "c": 2}
    for client, tokens in (("a", 30), ("b", 10), ("c", 20)):
        waiting.served.add(client, tokens, waiting.weights)
    order = []
    while (found := next_id(waiting)) is not None:
        order.append(found)
        waiting.pop(request(found).request_id)
    assert order == ["b.0", "c.0", "a.0"]
    assert waiting.weights == {}


def test_who_is_passed_over_is_not_next() -> None:
    waiting = WaitingRequests()
    for name in ("x.0", "x.1", "y.0"):
        waiting.add(request(name, "a"))
    shares = Shares(waiting.served, [])
    passed_over = {request(name).request_id for name in ("x.0", "x.1")}
    ctx = waiting.next_in_turn(shares, passed_over)
    assert ctx is not None and ctx.request_id == "y.0"
    assert waiting.next_in_turn(shares, {*passed_over, ctx.request_id}) is None


def test_who_waits_is_known_by_its_id() -> None:
    waiting = WaitingRequests()
    ctx = request("x.0", "a")
    waiting.add(ctx)
    assert ctx.request_id in waiting and len(waiting) == 1
    assert waiting.pop(ctx.request_id) is ctx
    assert waiting.pop(ctx.request_id) is None
    assert ctx.request_id not in waiting and len(waiting) == 0


def next_id(waiting: WaitingRequests, running: list[str] | None = None) -> str | None:
    """The id of the request that is next while these of client "a" run."""
    has = [request(name, "a") for name in running or ()]
    ctx = waiting.next_in_turn(Shares(waiting.served, has))
    return None if ctx is None else ctx.request_id
