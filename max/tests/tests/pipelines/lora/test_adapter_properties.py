"""Random histories of a server with more adapters than slots.

Every request has the tokens that it has alone, whatever else runs, whichever adapters change
places, after prefix hits, preemptions and cancellations; at the end all pages and slots are free.
"""

# build: size = "large"

from __future__ import annotations

import pytest
from hypothesis import given, settings

from max.pipelines.context import TextContext
from max.pipelines.lib import TextGenerationPipeline
from max.pipelines.lora.pool import AdapterPool
from max.pipelines.scheduling import Batch, Scheduler
from tests.pipelines.lora.adapters_of_tests import (
    NUM_SLOTS,
    PAGE_SIZE,
    AdaptedModel,
    make_adapted_model,
)
from tests.pipelines.scheduling.histories import Event, Setup, histories, setups
from tests.pipelines.scheduling.world import OverlappedWorld, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class AdaptedWorld(World):
    """Requests may be passed over, so fewer rules hold for a step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _use_slots(self)

    def check_batch(self, batch: Batch, ran: list[TextContext]) -> None:
        _check_slots(self, batch)


class OverlappedAdaptedWorld(OverlappedWorld):
    """The same with two steps at once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _use_slots(self)


def _pool(world: World) -> AdapterPool:
    assert isinstance(world.pipeline, TextGenerationPipeline)
    assert world.pipeline.adapters is not None
    return world.pipeline.adapters.pool


def _use_slots(world: World) -> None:
    world.scheduler = Scheduler(world.setup.config, world.manager, _pool(world))


def _check_slots(world: World, batch: Batch) -> None:
    """Everybody who runs has the slot of his adapter."""
    pool = _pool(world)
    pool.check_integrity()
    assert len(pool.held) <= NUM_SLOTS
    for ctx in batch.contexts:
        expected = 0 if ctx.adapter is None else 1 + pool.resident[ctx.adapter]
        assert ctx.adapter_slot == expected


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AdaptedModel:
    return make_adapted_model(tmp_path_factory.mktemp("adapters"))


@pytest.mark.parametrize("kind", [AdaptedWorld, OverlappedAdaptedWorld])
@settings(max_examples=100, deadline=None)
@given(setup=setups(page_sizes=(PAGE_SIZE,)), events=histories)
def test_everybody_gets_the_tokens_of_a_solo_run(
    model: AdaptedModel, kind: type[World], setup: Setup, events: list[Event]
) -> None:
    world = kind(setup, model)
    for event in events:
        world.take(event)
    world.check_answers()
    pool = _pool(world)
    pool.check_integrity()
    assert not pool.held
