"""How long prompts and streams wait for each other, counted in tokens that the server computes.

Tokens are the measure of time here: a step takes about as long as it has tokens.
"""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.context import TextContext
from max.pipelines.modeling.types import RequestID
from tests.pipelines.scheduling.fake_model import make_manager
from tests.pipelines.scheduling.stepped_server import Server

LENGTH = 32


def tokens_until_first(server: Server, contexts: list[TextContext]) -> list[int]:
    """How many tokens were computed, from now on, when each request had its first one."""
    computed, waited = 0, dict[RequestID, int]()
    while len(waited) < len(contexts):
        computed += sum(server.step().values())
        for ctx in contexts:
            if ctx.tokens.generated_length:
                waited.setdefault(ctx.request_id, computed)
    return [waited[ctx.request_id] for ctx in contexts]


def make_server(*, budget: int, batch: int = 4) -> Server:
    """A server with pages for everybody."""
    return Server(make_manager(1000), budget=budget, batch=batch)


def make_prompt(seed: int, length: int) -> list[int]:
    """Tokens that no other seed's prompt begins with."""
    return [1 + (seed + i * (seed + 3)) % 28 for i in range(length)]


def add(server: Server, number: int, length: int, max_new_tokens: int = 40) -> TextContext:
    return server.add(f"r{number}", make_prompt(number, length), length + max_new_tokens)


@pytest.mark.parametrize("budget", [16, 24, 32, 48, 64])
def test_a_burst_of_equal_prompts_answers_one_after_the_other(budget: int) -> None:
    server = make_server(batch=16, budget=budget)
    contexts = [add(server, number, LENGTH) for number in range(16)]
    waited = tokens_until_first(server, contexts)
    for number, tokens in enumerate(waited, start=1):
        # Its prompt and those before it, at most a step's rest, and the streams' tokens meanwhile:
        # one of each earlier request in each step.
        steps = -(-tokens // budget)
        assert tokens <= number * LENGTH + budget + steps * number
    # Computed all at once, everybody waits for 16 prompts.
    assert waited == sorted(waited)
    assert median(waited) < 0.7 * 16 * LENGTH


def test_a_short_prompt_waits_for_twice_its_length_behind_a_long_one() -> None:
    server = make_server(budget=16)
    add(server, 0, 200)
    server.step()
    short = add(server, 1, 20)
    # 16 tokens a step, half of them for the short prompt, and its last 4: three steps.
    assert tokens_until_first(server, [short]) == [16 + 16 + 12]


def test_short_prompts_behind_several_long_ones_are_not_held_up_by_them() -> None:
    server = make_server(batch=8, budget=16)
    for number in range(4):
        add(server, number, 100)
    shorts = [add(server, 10 + number, 7) for number in range(2)]
    # 7 of each, beside 8 of the oldest; in the second step one is of the first one's answer.
    assert tokens_until_first(server, shorts) == [8 + 7, 15 + 8 + 7 + 1]


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(8, 64))
def test_no_prompt_waits_for_more_than_twice_what_is_before_it(
    lengths: list[int], budget: int
) -> None:
    server = make_server(batch=8, budget=budget)
    contexts = [add(server, number, length, 100) for number, length in enumerate(lengths)]
    steps = 0
    while any(not ctx.tokens.generated_length for ctx in contexts):
        left = [ctx for ctx in contexts if not ctx.tokens.generated_length]
        before = left[0].tokens.processed_length
        server.step()
        steps += 1
        # The oldest prompt has at least half of what the streams leave, or is done.
        streams = len(contexts) - len(left)
        share = left[0].tokens.processed_length - before
        assert left[0].tokens.generated_length or share >= (budget - streams) // 2
    assert steps <= 1 + sum(-(-length // max(1, (budget - 8) // 2)) for length in lengths)


@pytest.mark.parametrize("budget", [8, 16, 64])
def test_a_long_prompt_never_stops_a_stream_and_lengthens_its_gaps_by_a_step(budget: int) -> None:
    server = make_server(batch=8, budget=budget)
    streams = [add(server, number, 4, max_new_tokens=100) for number in range(3)]
    tokens_until_first(server, streams)
    add(server, 9, 150)
    for _ in range(12):
        before = [ctx.tokens.generated_length for ctx in streams]
        computed = server.step()
        after = [ctx.tokens.generated_length for ctx in streams]
        running = [ctx for ctx, length in zip(streams, before, strict=True) if not ctx.is_done]
        assert all(str(ctx.request_id) in computed for ctx in running)
        assert all(
            a == b + 1 for a, b, ctx in zip(after, before, streams, strict=True) if not ctx.is_done
        )
        assert sum(computed.values()) <= budget
