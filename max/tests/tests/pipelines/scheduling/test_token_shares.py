"""Clients that always wait for something get tokens by their weights, whatever they ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.context import TextContext
from max.pipelines.scheduling import SchedulerConfig
from tests.pipelines.scheduling.fake_model import make_context, make_manager
from tests.pipelines.scheduling.stepped_server import Server

BATCH = 4


@dataclass
class Client:
    """One that always has three requests more than it could have running.

    Attributes:
        name: Of it.
        weight: Of it.
        prompt: Tokens of each of its prompts.
        answer: Tokens of each of its answers, at most.
        requests: All that it made.
    """

    name: str
    weight: float
    prompt: int
    answer: int
    requests: list[TextContext] = field(default_factory=list)

    def keep_asking(self, server: Server) -> None:
        while sum(not ctx.is_done for ctx in self.requests) < BATCH + 3:
            self.ask(server)

    def ask(self, server: Server) -> TextContext:
        number = len(self.requests)
        prompt = [1 + (number * 7 + position) % 28 for position in range(self.prompt)]
        ctx = make_context(prompt, self.prompt + self.answer, f"{self.name}{number}")
        ctx.client, ctx.client_weight = self.name, self.weight
        self.requests.append(ctx)
        server.scheduler.add(ctx)
        return ctx

    @property
    def tokens(self) -> int:
        """What it got: answers, and the prompts of those that have begun."""
        got = (ctx.tokens for ctx in self.requests)
        return sum(len(tokens) for tokens in got if tokens.generated_length)


clients = st.builds(
    Client, st.just(""), st.sampled_from([1.0, 2.0, 4.0]), st.integers(2, 20), st.integers(1, 20)
)


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(clients, clients, st.sampled_from([8, 64]))
def test_clients_that_wait_get_tokens_by_their_weights(a: Client, b: Client, budget: int) -> None:
    a.name, b.name, a.requests, b.requests = "a", "b", [], []
    server = Server(make_manager(1000), batch=BATCH, budget=budget)
    differences = []
    for _ in range(120):
        for client in (a, b):
            client.keep_asking(server)
        server.step()
        differences.append(a.tokens / a.weight - b.tokens / b.weight)
    # As in "Fairness in Serving Large Language Models", theorem 4.4: twice what is under way.
    most = BATCH * max(each.prompt + each.answer for each in (a, b)) / min(a.weight, b.weight)
    assert max(differences) - min(differences) <= 2 * most


def test_newcomers_without_end_starve_nobody() -> None:
    server = Server(make_manager(1000), batch=2, budget=64)
    large = Client("large", 1.0, 40, 40)
    for _ in range(4):
        large.ask(server)
    for _ in range(30):
        server.step()  # It had all of the server while nobody else was there.
    newcomers = []
    for number in range(200):  # A few more than there is room for.
        newcomers.append(Client(f"n{number}", 1.0, 4, 4).ask(server))
        for _ in range(2):
            server.step()
    assert all(ctx.is_done for ctx in large.requests)
    assert not all(ctx.is_done for ctx in newcomers)


@pytest.mark.parametrize("target_step_ms", [None, 1000.0])
def test_a_long_prompt_does_not_wait_for_another_client_s_short_ones(
    target_step_ms: float | None,
) -> None:
    server = Server(make_manager(1000))
    server.reconfigure(
        SchedulerConfig(max_batch_size=16, max_batch_input_tokens=16, target_step_ms=target_step_ms)
    )
    many, one = Client("many", 1.0, 15, 30), Client("one", 1.0, 60, 4)
    for _ in range(12):
        many.ask(server)
    server.step()
    ctx = one.ask(server)
    computed = 0
    while not ctx.tokens.generated_length:
        computed += sum(server.step().values())
    # Half of each step is for the oldest prompt, the rest for it; and streams get their tokens.
    assert computed <= 2 * 60 + 16 + 8 * 8
