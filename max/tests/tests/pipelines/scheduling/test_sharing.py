"""Equal beginnings that arrive together are computed once."""

from __future__ import annotations

import pytest

from max.pipelines.modeling.types import RequestID
from tests.pipelines.scheduling.fake_model import make_manager, solo_answer
from tests.pipelines.scheduling.stepped_server import PROMPT, Server

# 30 tokens: 7 full pages of 4, and 2 more.
LONG = PROMPT * 6


def make_server(budget: int = 64, pages: int = 64, batch: int = 8) -> Server:
    return Server(make_manager(pages, caching=True), budget=budget, batch=batch)


def run(server: Server) -> list[dict[str, int]]:
    """Steps until nothing is left."""
    steps = []
    while server.scheduler.has_work:
        steps.append(server.step())
    return steps


def prompt_tokens(steps: list[dict[str, int]], name: str, generated: int) -> int:
    """How many tokens of a request's prompt were computed: each generated one but the last is."""
    return sum(step.get(name, 0) for step in steps) - (generated - 1)


@pytest.mark.parametrize("budget", [8, 10, 16, 64])
def test_choices_of_one_prompt_compute_it_once(budget: int) -> None:
    server = make_server(budget)
    names = ["a", "b", "c", "d"]
    contexts = [server.add(name, LONG, 40) for name in names]
    steps = run(server)
    computed = [
        prompt_tokens(steps, name, ctx.tokens.generated_length)
        for name, ctx in zip(names, contexts, strict=True)
    ]
    # Each later one computes what is behind the last full page.
    assert computed == [30, 2, 2, 2]
    assert [ctx.cached_tokens for ctx in contexts] == [0, 28, 28, 28]
    assert all(ctx.tokens.generated.tolist() == solo_answer(LONG, 40) for ctx in contexts)


def test_a_common_beginning_is_waited_for_and_no_longer() -> None:
    server = make_server(budget=8)
    server.add("a", LONG, 40)
    server.add("b", [*LONG[:8], 7, 7, 7, 7, 7], 20)
    assert server.step() == {"a": 8}
    # Two pages are there; "b" lacks fewer tokens.
    assert server.step() == {"a": 4, "b": 4}


def test_those_that_share_nothing_pass_the_one_that_waits() -> None:
    server = make_server(budget=8)
    server.add("a", LONG, 40)
    server.add("b", LONG, 40)
    server.add("c", [9, 9, 9], 20)
    assert server.step() == {"a": 4, "c": 3}
    assert (server.scheduler.num_running, server.scheduler.num_waiting) == (2, 1)


def test_another_salt_shares_nothing_and_waits_for_nobody() -> None:
    server = make_server()
    server.add("a", LONG, 40)
    server.add("b", LONG, 40).cache_salt = "other"
    assert server.step() == {"a": 30, "b": 30}


def test_without_prefix_caching_nobody_waits() -> None:
    server = Server(make_manager(64))
    server.add("a", LONG, 40)
    server.add("b", LONG, 40)
    assert server.step() == {"a": 30, "b": 30}


def test_a_prompt_shorter_than_a_page_waits_for_nobody() -> None:
    server = make_server()
    server.add("a", PROMPT[:4])
    server.add("b", PROMPT[:4])
    assert server.step() == {"a": 4, "b": 4}


def test_the_next_takes_over_when_the_one_that_computes_goes_away() -> None:
    server = make_server(budget=8)
    for name in "abc":
        server.add(name, LONG, 40)
    assert server.step() == {"a": 8}
    server.scheduler.cancel(RequestID("a"))
    assert server.step() == {"b": 8}
    assert server.step() == {"b": 8}


def test_nobody_waits_for_pages_that_a_reset_hides() -> None:
    server = make_server(budget=8)
    server.add("a", LONG, 40)
    server.step()
    server.add("b", LONG, 40)
    server.scheduler.reset_prefix_cache()
    server.step()
    assert (server.scheduler.num_running, server.scheduler.num_waiting) == (2, 0)


def test_those_that_wait_are_looked_at_only_as_far_as_there_is_room() -> None:
    server = make_server(budget=8, batch=3)
    for name in "abc":
        server.add(name, LONG, 40)
    server.add("d", [9, 9, 9], 20)
    assert server.step() == {"a": 8}
    assert server.scheduler.num_waiting == 3
