"""Random histories of servers of models whose layers keep different things for different times.

Every request gets the tokens that it would have got alone, and every layer finds in its pages what
it is to find; the pages always add up; nobody starves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from max.dtype import DType
from max.nn.kv_cache import All, CacheGroup, Keep, KeyValue, Slot, State, Window
from max.pipelines.context import TextContext
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.scheduling import SchedulerConfig
from tests.pipelines.scheduling.fake_model import (
    FakePipeline,
    make_context,
    make_manager,
    solo_answer,
)
from tests.pipelines.scheduling.histories import Arrival, Event, Setup, histories, setups
from tests.pipelines.scheduling.world import World


@dataclass
class ModelOfGroups:
    """Its next token is a checksum of all tokens; each layer checks what it reads."""

    groups: tuple[CacheGroup, ...]

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, FakePipeline]:
        config = setup.config
        manager = make_manager(
            setup.total_pages,
            page_size=setup.page_size,
            caching=setup.caching,
            groups=self.groups,
            step_tokens=config.max_batch_input_tokens if config.enable_chunked_prefill else None,
        )
        return manager, FakePipeline(manager)

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        length = len(arrival.prompt) + arrival.max_new_tokens
        return make_context(arrival.prompt, length, name, arrival.salt)

    def solo_answer(self, arrival: Arrival) -> list[int]:
        return solo_answer(arrival.prompt, len(arrival.prompt) + arrival.max_new_tokens)


def make_group(number: int, keep: Keep, layers: range) -> CacheGroup:
    stateful = isinstance(keep, Slot)
    entry = State(DType.float32, (2,)) if stateful else KeyValue(DType.float32, 1, 1)
    return CacheGroup(f"group {number}", tuple(layers), entry, keep)


@st.composite
def models(draw: st.DrawFn) -> ModelOfGroups:
    """One to three groups of one to three layers."""
    keeps: list[Keep] = draw(
        st.lists(
            st.builds(All) | st.builds(Window, st.integers(1, 9)) | st.builds(Slot),
            min_size=1,
            max_size=3,
        )
    )
    groups, first = [], 0
    for number, keep in enumerate(keeps):
        count = draw(st.integers(1, 3))
        groups.append(make_group(number, keep, range(first, first + count)))
        first += count
    return ModelOfGroups(tuple(groups))


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(setup=setups(), model=models(), tables=st.integers(1, 4), history=histories)
def test_everybody_gets_the_tokens_of_a_solo_run(
    setup: Setup, model: ModelOfGroups, tables: int, history: list[Event]
) -> None:
    world = World(replace(setup, total_pages=setup.total_pages * tables), model)
    for event in history:
        world.take(event)
    world.check_answers()


def test_hits_drops_and_preemptions_do_happen() -> None:
    """What the random histories are meant to meet, met for sure."""
    keeps: list[Keep] = [All(), Window(6), Slot()]
    groups = [make_group(i, keep, range(i, i + 1)) for i, keep in enumerate(keeps)]
    config = SchedulerConfig(max_batch_size=4, max_batch_input_tokens=8, kvcache_ce_watermark=1.0)
    world = World(Setup(18, 4, caching=True, config=config), ModelOfGroups(tuple(groups)))
    head = tuple(range(1, 17))
    for tail in (17, 18, 19, 20):
        world.add(Arrival((*head, tail), max_new_tokens=16))
    world.check_answers()
    assert world.scheduler.num_preemptions > 0
    assert [ctx.cached_tokens for ctx in world.contexts] == [0, 16, 16, 16]


def test_states_are_found_once_the_step_before_is_committed() -> None:
    keeps: list[Keep] = [All(), Window(6), Slot()]
    groups = [make_group(i, keep, range(i, i + 1)) for i, keep in enumerate(keeps)]
    assert make_manager(9, groups=tuple(groups)).has_states
    assert not make_manager(9, groups=tuple(groups[:2])).has_states
