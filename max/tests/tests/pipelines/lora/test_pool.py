"""Slots are shared out so that nobody starves."""

from __future__ import annotations

import pytest

from max.pipelines.context import InputError, TextContext, TokenBuffer
from max.pipelines.lora.fitting import FittedAdapter
from max.pipelines.lora.pool import AdapterPool


def make_pool(num_slots: int, known: str = "abcd") -> AdapterPool:
    pool = AdapterPool({}, num_slots)
    for digest in known:
        pool.add(FittedAdapter(digest, {}))
    return pool


def make_request(adapter: str | None) -> TextContext:
    return TextContext(max_length=9, tokens=TokenBuffer([1]), adapter=adapter, model_name="mine")


def begin(pool: AdapterPool, waiting: list[TextContext]) -> list[str | None]:
    """Lets all begin that can; gives their adapters, and leaves the others in `waiting`."""
    begun = []
    for ctx in pool.beginnable(list(waiting)):
        pool.take(ctx)
        begun.append(ctx.adapter)
        waiting.remove(ctx)
        pool.check_integrity()
    return begun


def test_a_request_has_its_adapter_s_slot_while_it_runs() -> None:
    pool, ctx = make_pool(2), make_request("b")
    assert begin(pool, [make_request("a"), ctx]) == ["a", "b"]
    assert ctx.adapter_slot == 2 and pool.held == {"a": 1, "b": 1}
    assert [(write.slot, write.adapter.digest) for write in pool.take_writes()] == [
        (0, "a"),
        (1, "b"),
    ]
    pool.release(ctx)
    assert ctx.adapter_slot == 0 and pool.held == {"a": 1} and not pool.take_writes()


def test_the_longest_unused_adapter_makes_room() -> None:
    pool = make_pool(2)
    requests = [make_request(name) for name in "ab"]
    begin(pool, list(requests))
    for ctx in requests:
        pool.release(ctx)
    again = make_request("a")
    begin(pool, [again])
    pool.release(again)
    begin(pool, [make_request("c")])
    assert list(pool.resident) == ["a", "c"] and pool.num_swaps == 1


def test_requests_without_an_adapter_pass_those_that_wait_for_a_slot() -> None:
    pool = make_pool(1)
    waiting = [make_request(name) for name in ("a", "b", None, "c", None)]
    assert begin(pool, waiting) == ["a", None, None]


def test_an_adapter_that_is_waited_for_is_not_overtaken_for_ever() -> None:
    pool = make_pool(2)
    first = [make_request(name) for name in "aaab"]
    begin(pool, list(first))
    waiting = [make_request(name) for name in "bcbaab"]
    # Those of b that are older than the one of c begin; later ones would keep it out.
    assert begin(pool, waiting) == ["b", "a", "a"]
    assert begin(pool, waiting) == []
    for ctx in first:
        pool.release(ctx)
    assert begin(pool, waiting) == []
    assert pool.held == {"a": 2, "b": 1}


def test_the_last_request_of_an_adapter_makes_room_for_another() -> None:
    pool = make_pool(1)
    running = make_request("a")
    begin(pool, [running])
    waiting = [make_request("b"), make_request("a")]
    assert begin(pool, waiting) == []
    pool.release(running)
    assert begin(pool, waiting) == ["b"]


def test_unknown_adapters_are_refused() -> None:
    pool = make_pool(1, "a")
    pool.check(make_request("a"))
    pool.check(make_request(None))
    pool.remove("a")
    with pytest.raises(InputError, match="'mine' is not loaded"):
        pool.check(make_request("a"))


def test_a_forgotten_adapter_leaves_its_slot() -> None:
    pool = make_pool(1)
    running = make_request("a")
    begin(pool, [running])
    pool.release(running)
    pool.remove("a")
    assert begin(pool, [make_request("b")]) == ["b"] and pool.num_swaps == 0
