"""Who has what, and who gives a place to whom."""

from __future__ import annotations

import pytest

from max.pipelines.context import TextContext
from max.pipelines.scheduling.served import ServedTokens
from max.pipelines.scheduling.shares import Shares, group_of, tokens_of
from tests.pipelines.scheduling.fake_model import make_context

PROMPT = [1, 2, 3, 4, 5]


def request(
    name: str, client: str = "", weight: float = 1.0, *, length: int = len(PROMPT)
) -> TextContext:
    ctx = make_context([1] * length, 100, name)
    ctx.client, ctx.client_weight = client, weight
    return ctx


def make_shares(*running: TextContext) -> Shares:
    return Shares(ServedTokens(), running)


def yields(shares: Shares, ctx: TextContext) -> str | None:
    found = shares.who_yields_to(ctx)
    return None if found is None else found.request_id


def test_call_is_what_ids_begin_with() -> None:
    ids = ["a/b.0", "a/b.12", "a.c/d.0", "plain"]
    assert [group_of(request(name)) for name in ids] == ["a/b", "a/b", "a.c/d", "plain"]


def test_tokens_that_were_found_in_the_cache_cost_nothing() -> None:
    ctx = request("a.0", length=20)
    assert tokens_of(ctx) == 20
    ctx.cached_tokens = 16
    ctx.update(3)
    assert tokens_of(ctx) == 5


def test_tokens_and_places_are_counted_by_client() -> None:
    mine = [request("b.0", "b", 4.0, length=8), request("b.1", "b", 4.0, length=4)]
    shares = make_shares(request("a.0", "a"), *mine)
    assert (shares.used("a"), shares.used("b"), shares.used("nobody")) == (5, 3, 0)
    assert [shares.places_of("b", group) for group in ("b", "a")] == [2, 0]
    assert shares.places_of("nobody", "b") == 0

    shares.remove(mine[0])

    assert (shares.used("b"), shares.places_of("b", "b")) == (1, 1)
    shares.remove(mine[1])
    assert (shares.used("b"), shares.places_of("b", "b")) == (0, 0)


def test_who_gave_a_place_back_has_one_less() -> None:
    running = [request(f"a.{number}", "a") for number in range(4)]
    shares = make_shares(*running, request("b.0", "b"))
    shares.remove(running[3])
    assert yields(shares, request("b.1", "c")) == "a.2"
    shares.remove(running[2])
    shares.remove(running[1])
    assert yields(shares, request("b.1", "c")) is None
    assert yields(shares, request("b.9", "b")) is None


def test_a_call_of_two_yields_to_another_of_its_client() -> None:
    shares = make_shares(request("a.0", "a"), request("a.1", "a"))
    assert yields(shares, request("other.0", "a")) == "a.1"


def test_what_was_served_before_counts_too() -> None:
    served = ServedTokens()
    for client in ("a", "b"):
        served.begins_to_wait(client)
    served.add("a", 30, {"a": 3.0, "b": 1.0})
    shares = Shares(served, [request("a.0", "a", 5.0)])
    assert (shares.used("a"), shares.used("b")) == (10 + 1, 0)


@pytest.mark.parametrize(("places_of_a", "yields_one"), [(1, None), (2, "a.1"), (3, "a.2")])
def test_who_has_more_yields_unless_it_would_have_less_then(
    places_of_a: int, yields_one: str | None
) -> None:
    shares = make_shares(*(request(f"a.{number}", "a") for number in range(places_of_a)))
    assert yields(shares, request("b", "b")) == yields_one


def test_what_the_one_who_asks_has_counts() -> None:
    mine = [request("b.0", "b"), request("c.0", "b")]
    shares = make_shares(*mine, *(request(f"a{number}", "a") for number in range(3)))
    assert yields(shares, request("d.0", "b")) is None
    shares.add(request("a3", "a"))
    assert yields(shares, request("d.0", "b")) == "a3"


def test_places_count_for_their_client_s_weight() -> None:
    running = [request(f"a{number}", "a", 2.0) for number in range(4)]
    shares = make_shares(*running, request("b0", "b"))
    # (4 - 1) / 2 is less than 2 / 1, and as much as 2 / 1.5 and more.
    assert yields(shares, request("b1", "b")) is None
    assert yields(make_shares(*running), request("b1", "b")) == "a3"
    heavy = [request("b0", "b", 1.5)]
    assert yields(make_shares(*running, *heavy), request("b1", "b", 1.5)) == "a3"


def test_of_one_client_the_largest_call_yields() -> None:
    names = ["x.0", "few.0", "few.1", "many.0", "many.1", "many.2", "y.0"]
    shares = make_shares(*(request(name, "a") for name in names))
    assert yields(shares, request("new", "a")) == "many.2"
    assert yields(shares, request("new", "b")) == "many.2"
    assert yields(shares, request("x.1", "a")) is None
    assert yields(make_shares(), request("new")) is None


def test_of_calls_that_have_the_same_the_last_one_yields() -> None:
    shares = make_shares(*(request(name, "a") for name in ("x", "y", "z")))
    assert yields(shares, request("new", "b")) == "z"
    assert yields(shares, request("new", "a")) is None


def test_a_place_is_owed_to_who_has_had_no_more_than_who_would_give_it() -> None:
    large = [request(f"a.{number}", "a", 2.0, length=20) for number in range(2)]
    shares = make_shares(*large, request("b.0", "b", length=10))
    # Without one of its two, "a" has 20 tokens for a weight of 2, as many as "b".
    assert shares.is_owed_the_place(request("b.1", "b"), large[1])
    shares.add(request("b.1", "b", length=1))
    assert not shares.is_owed_the_place(request("b.2", "b"), large[1])
    assert shares.is_owed_the_place(request("a.2", "a", 2.0), large[1])


def test_of_clients_of_different_weights_the_one_with_most_for_its_weight_yields() -> None:
    running = [request(f"a{number}", "a", 2.0) for number in range(4)]
    # 4 / 2 is more than 1 / 0.6, though a place more would count more for "b".
    shares = make_shares(*running, request("b0", "b", 0.6))
    assert yields(shares, request("c0", "c")) == "a3"
