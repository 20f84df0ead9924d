"""Random histories of a server with a real model in float32, tiny and of random weights.

Every request, greedy or sampled with its seed, free or following a grammar, gets the tokens that it
gets alone: whatever else runs, however its prompt is cut, after prefix hits, preemptions and
cancellations of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.driver import CPU
from max.nn.kv_cache import KVCacheParams, MultiKVCacheParams
from max.pipelines.architectures.qwen2.model_config import Qwen2Config
from max.pipelines.context import (
    Constraint,
    EOSTracker,
    SamplingParams,
    TextContext,
    TokenBuffer,
)
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.lib import PipelineConfig, TextGenerationPipeline
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.sampling.grammars.texts import regex_grammar
from max.pipelines.scheduling import SchedulerConfig
from tests.pipelines.architectures.checkpoints import change_config
from tests.pipelines.scheduling.histories import Arrival, Event, Setup, histories, setups
from tests.pipelines.scheduling.world import OverlappedWorld, World

PAGE_SIZE = 4
# Tokens that end an answer: enough of them that many answers end early.
END_TOKENS = frozenset(range(30, 50))
# Every fourth seed's answers follow it: few of the model's tokens may come, and others later.
GRAMMAR = Constraint(grammar=regex_grammar("([a-z]{3}[0-9 ])+"))


@dataclass
class TinyModelInFloat32:
    """A compiled model; each world has a cache of its own.

    Attributes:
        pipeline: runs the steps.
        solo: gives the answers that are right.
        answers: that it has given.
    """

    pipeline: TextGenerationPipeline = field(repr=False)
    solo: TextGenerationPipeline = field(repr=False)
    answers: dict[Arrival, list[int]] = field(default_factory=dict, repr=False)

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, TextGenerationPipeline]:
        return self._start(self.pipeline, setup)

    def _start(
        self, compiled: TextGenerationPipeline, setup: Setup
    ) -> tuple[PagedKVCacheManager, TextGenerationPipeline]:
        params = compiled.pipeline_model.kv_params
        assert isinstance(params, KVCacheParams | MultiKVCacheParams)
        limits = setup.config
        manager = PagedKVCacheManager(
            replace(params, enable_prefix_caching=setup.caching),
            setup.total_pages * len(params.layout.tables),
            CPU(),
            step_tokens=limits.max_batch_input_tokens if limits.enable_chunked_prefill else None,
            steps_in_flight=2,
        )
        config, model = compiled.pipeline_config, compiled.pipeline_model
        started = TextGenerationPipeline(config, model, manager)
        started.sampler = compiled.sampler  # which has compiled the grammar
        return manager, started

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        sampling = SamplingParams(temperature=0.0)
        if arrival.seed is not None:
            sampling = SamplingParams(
                temperature=1.5,
                top_k=100,
                top_p=0.95,
                # Half of them need their tokens for the next step, half do not.
                frequency_penalty=0.5 * (arrival.seed % 2),
                seed=arrival.seed,
            )
        return TextContext(
            request_id=RequestID(name),
            tokens=TokenBuffer(arrival.prompt),
            max_length=len(arrival.prompt) + arrival.max_new_tokens,
            eos_tracker=EOSTracker(eos_token_ids=END_TOKENS),
            sampling_params=sampling,
            cache_salt=arrival.salt,
            constraint=GRAMMAR if arrival.seed is not None and arrival.seed % 4 == 3 else None,
        )

    def solo_answer(self, arrival: Arrival) -> list[int]:
        """Alone, the prompt at once, without shared pages."""
        key = replace(arrival, salt=None)
        if key not in self.answers:
            alone = SchedulerConfig(max_batch_size=1)
            _, pipeline = self._start(self.solo, Setup(12, PAGE_SIZE, caching=False, config=alone))
            ctx = self.make_context(arrival, "solo")
            pipeline.kv_manager.claim(ctx.request_id)
            while not ctx.is_done:
                pipeline.kv_manager.alloc(ctx)
                pipeline.execute(TextGenerationInputs(batches=[[ctx]]))
            self.answers[key] = ctx.tokens.generated.tolist()
        return self.answers[key]


def make_pipeline(folder: Path) -> TextGenerationPipeline:
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        device_specs="cpu",
        max_batch_size=6,
        max_length=48,
        kv_cache_page_size=PAGE_SIZE,
    )
    return PipelineFactory(config)()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TinyModelInFloat32:
    """The tiny Llama of odd sizes."""
    folder = make_checkpoint(
        TINY_MODELS["tiny-llama-odd"], tmp_path_factory.mktemp("tiny") / "model"
    )
    pipeline = make_pipeline(folder)
    return TinyModelInFloat32(pipeline, pipeline)


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> TinyModelInFloat32:
    """A tiny Qwen2 whose second layer sees 6 tokens; the right answers are of a cache that keeps
    all pages."""
    folder = make_checkpoint(TINY_MODELS["tiny-qwen2"], tmp_path_factory.mktemp("tiny") / "model")
    change_config(
        folder,
        {
            "sliding_window": 6,
            "use_sliding_window": True,
            "max_window_layers": 1,
            "layer_types": None,
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Qwen2Config, "drops_old_pages", False)
        solo = make_pipeline(folder)
    return TinyModelInFloat32(make_pipeline(folder), solo)


def drive(
    model: TinyModelInFloat32, setup: Setup, history: Sequence[Event], kind: type[World] = World
) -> World:
    world = kind(setup, model)
    for event in history:
        world.take(event)
    world.check_answers()
    return world


in_pages = setups(page_sizes=(PAGE_SIZE,))


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(setup=in_pages, history=histories)
def test_everybody_gets_the_tokens_of_a_solo_run(
    model: TinyModelInFloat32, setup: Setup, history: list[Event]
) -> None:
    drive(model, setup, history)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(setup=in_pages, history=histories)
def test_windows_change_no_token(
    windowed: TinyModelInFloat32, setup: Setup, history: list[Event]
) -> None:
    drive(windowed, setup, history)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(setup=in_pages, history=histories)
def test_windows_change_no_token_of_overlapped_steps(
    windowed: TinyModelInFloat32, setup: Setup, history: list[Event]
) -> None:
    drive(windowed, setup, history, OverlappedWorld)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(setup=in_pages, history=histories)
def test_overlapped_steps_give_the_same_tokens(
    model: TinyModelInFloat32, setup: Setup, history: list[Event]
) -> None:
    drive(model, setup, history, OverlappedWorld)


def test_steps_of_plain_requests_do_overlap(model: TinyModelInFloat32) -> None:
    setup = Setup(12, PAGE_SIZE, caching=True, config=SchedulerConfig(max_batch_size=4))
    arrivals = [Arrival((7, 8, 9, number), 12, seed=2 * number) for number in range(3)]

    world = drive(model, setup, arrivals, OverlappedWorld)

    assert isinstance(world, OverlappedWorld)
    longest = max(len(model.solo_answer(arrival)) for arrival in arrivals)
    assert world.num_overlapped >= longest - 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(setup=in_pages, history=histories)
def test_everybody_gets_the_tokens_of_a_solo_run_in_many_histories(
    model: TinyModelInFloat32, setup: Setup, history: list[Event]
) -> None:
    drive(model, setup, history)
    drive(model, setup, history, OverlappedWorld)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("caching", [False, True])
def test_every_chunk_size_gives_the_same_tokens(
    model: TinyModelInFloat32, caching: bool, seed: int | None
) -> None:
    prompt = tuple(range(60, 83))
    arrival = Arrival(prompt, max_new_tokens=6, seed=seed)
    for budget in range(1, len(prompt) + 1):
        config = SchedulerConfig(max_batch_size=1, max_batch_input_tokens=budget)
        drive(model, Setup(12, PAGE_SIZE, caching, config), [arrival])


def test_windows_change_no_token_in_any_chunks(windowed: TinyModelInFloat32) -> None:
    prompt = tuple(range(60, 83))
    for budget in range(1, len(prompt) + 1):
        config = SchedulerConfig(max_batch_size=1, max_batch_input_tokens=budget)
        drive(windowed, Setup(12, PAGE_SIZE, True, config), [Arrival(prompt, max_new_tokens=16)])


def test_windows_are_left_behind(windowed: TinyModelInFloat32) -> None:
    """The tests above compare something: the window is shorter than the answers are long."""
    tables = windowed.pipeline.pipeline_model.kv_params.layout.tables
    assert [table.window for table in tables] == [None, 6]
    assert len(windowed.solo.pipeline_model.kv_params.layout.tables) == 1
    assert len(windowed.solo_answer(Arrival((7, 8, 9), 20))) > 6


def test_a_sample_is_repeatable_and_differs_from_another_seed_s(
    model: TinyModelInFloat32,
) -> None:
    """The tests above compare something: greedy and seeded answers differ."""
    answers = [model.solo_answer(Arrival((7, 8, 9), 12, seed=seed)) for seed in (None, 1, 2)]
    assert len({tuple(answer) for answer in answers}) == 3


def test_shortages_hits_and_waiting_do_happen(model: TinyModelInFloat32) -> None:
    """What the random histories are meant to meet, met for sure: five choices, pages for one."""
    config = SchedulerConfig(max_batch_size=6, max_batch_input_tokens=8, kvcache_ce_watermark=1.0)
    choices = [Arrival(tuple(range(60, 80)), 16, seed=seed) for seed in (None, 1, 2, 3, 4)]
    world = drive(model, Setup(9, PAGE_SIZE, caching=True, config=config), [*choices])
    assert world.scheduler.num_preemptions > 0
    assert [ctx.cached_tokens for ctx in world.contexts] == [0, 16, 16, 16, 16]
