"""Random arrivals, lengths, cancellations, page shortages and budgets.

Every request gets the tokens that it would have got alone; the pages always add up; nobody starves.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from max.pipelines.context import TextContext
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.scheduling import SchedulerConfig
from tests.pipelines.scheduling.fake_model import (
    FakePipeline,
    make_context,
    make_manager,
    solo_answer,
)
from tests.pipelines.scheduling.histories import (
    Arrival,
    Event,
    Setup,
    histories,
    histories_of_clients,
    prompts,
    setups,
)
from tests.pipelines.scheduling.world import World


class ModelWithoutWeights:
    """Its next token is a checksum of what it reads back from the pages."""

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, FakePipeline]:
        manager = make_manager(setup.total_pages, page_size=setup.page_size, caching=setup.caching)
        return manager, FakePipeline(manager)

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        length = len(arrival.prompt) + arrival.max_new_tokens
        return make_context(arrival.prompt, length, name, arrival.salt)

    def solo_answer(self, arrival: Arrival) -> list[int]:
        return solo_answer(arrival.prompt, len(arrival.prompt) + arrival.max_new_tokens)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(setup=setups(), history=histories)
def test_everybody_gets_the_tokens_of_a_solo_run(setup: Setup, history: list[Event]) -> None:
    world = World(setup, ModelWithoutWeights())
    for event in history:
        world.take(event)
    world.check_answers()


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(setup=setups(), history=histories_of_clients)
def test_clients_that_share_by_weight_get_the_same_tokens_and_none_starves(
    setup: Setup, history: list[Event]
) -> None:
    world = World(setup, ModelWithoutWeights())
    for event in history:
        world.take(event)
    world.check_answers()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(prompts, min_size=1, max_size=4), st.integers(4, 30), st.booleans())
def test_every_budget_gives_the_same_tokens(
    batch: list[tuple[int, ...]], budget: int, caching: bool
) -> None:
    config = SchedulerConfig(max_batch_size=4, max_batch_input_tokens=budget)
    setup = Setup(total_pages=40, page_size=4, caching=caching, config=config)
    world = World(setup, ModelWithoutWeights())
    for prompt in batch:
        world.add(Arrival(prompt, max_new_tokens=6))
    world.check_answers()
