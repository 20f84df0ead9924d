"""Random histories of a server with more adapters than slots.

Every request has the tokens that it has alone, whatever else runs, whichever adapters change
places, after prefix hits, preemptions and cancellations; at the end all pages and slots are free.
"""

# build: size = "large"

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from integration.test_common.lora_files import write_random_adapter
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.driver import CPU
from max.nn.kv_cache import KVCacheParams
from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.lib.adapters import Adapters
from max.pipelines.lora.pool import AdapterPool
from max.pipelines.modeling.types import RequestID
from max.pipelines.scheduling import Batch, Scheduler, SchedulerConfig, run_steps
from tests.pipelines.lib.tiny_llama import make_config
from tests.pipelines.scheduling.histories import Arrival, Event, Setup, histories, setups
from tests.pipelines.scheduling.world import OverlappedWorld, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BASE = cached_checkpoint(TINY_MODELS["tiny-llama-odd"])
PAGE_SIZE = 4
NUM_SLOTS = 2
END_TOKENS = frozenset(range(30, 50))


@dataclass
class AdaptedModel:
    """A model with adapters; each world has a cache and slots of its own."""

    pipeline: TextGenerationPipeline
    digests: list[str]
    answers: dict[Arrival, list[int]] = field(default_factory=dict)

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, TextGenerationPipeline]:
        compiled = self.pipeline
        params = compiled.pipeline_model.kv_params
        assert isinstance(params, KVCacheParams)
        manager = PagedKVCacheManager(
            replace(params, enable_prefix_caching=setup.caching),
            setup.total_pages * len(params.layout.tables),
            CPU(),
            steps_in_flight=2,
        )
        fresh = TextGenerationPipeline(compiled.pipeline_config, compiled.pipeline_model, manager)
        fresh.adapters = self.make_adapters()
        return manager, fresh

    def make_adapters(self) -> Adapters:
        """All adapters, none of them in a slot."""
        known = self.pipeline.adapters
        assert known is not None
        adapters = copy.copy(known)
        adapters.pool = AdapterPool(known.pool.layers, NUM_SLOTS)
        for digest in self.digests:
            adapters.pool.add(known.pool.known[digest])
        return adapters

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        return TextContext(
            request_id=RequestID(name),
            tokens=TokenBuffer(arrival.prompt),
            max_length=len(arrival.prompt) + arrival.max_new_tokens,
            eos_tracker=EOSTracker(eos_token_ids=END_TOKENS),
            sampling_params=SamplingParams(temperature=0.0),
            cache_salt=arrival.salt,
            # What a history draws as a seed chooses the adapter here.
            adapter=self.digests[arrival.seed - 1] if arrival.seed else None,
        )

    def solo_answer(self, arrival: Arrival) -> list[int]:
        key = replace(arrival, salt=None)
        if key not in self.answers:
            alone = SchedulerConfig(max_batch_size=1)
            manager, pipeline = self.start(Setup(12, PAGE_SIZE, caching=False, config=alone))
            assert pipeline.adapters is not None
            scheduler = Scheduler(alone, manager, pipeline.adapters.pool)
            ctx = self.make_context(arrival, "solo")
            scheduler.add(ctx)
            for _ in run_steps(pipeline, scheduler):
                pass
            self.answers[key] = ctx.tokens.generated.tolist()
        return self.answers[key]


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
    """Three adapters for two slots."""
    root: Path = tmp_path_factory.mktemp("adapters")
    targets = ["q_proj", "v_proj", "up_proj", "down_proj", "lm_head"]
    folders = [write_random_adapter(root / str(i), BASE, targets, seed=i) for i in range(3)]
    config = make_config(
        BASE,
        enable_lora=True,
        max_num_loras=NUM_SLOTS,
        max_batch_size=6,
        max_length=48,
        kv_cache_page_size=PAGE_SIZE,
    )
    pipeline: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    assert pipeline.adapters is not None
    digests = [pipeline.adapters.load(folder.name, str(folder)) for folder in folders]
    return AdaptedModel(pipeline, digests)


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
