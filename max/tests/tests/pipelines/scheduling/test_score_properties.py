"""Random histories of a server whose requests ask for log probabilities.

Each token's comes once and is that of a solo run, whatever else runs, however the prompt is cut,
after prefix hits and preemptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings

from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.driver import CPU
from max.nn.kv_cache import KVCacheParams
from max.pipelines.context import SamplingParams, TextContext, TextGenerationOutput, TokenBuffer
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.lib import PipelineConfig, TextGenerationPipeline
from max.pipelines.lib.registry import PipelineFactory
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.scheduling import SchedulerConfig
from tests.pipelines.scheduling.histories import Arrival, Event, Setup, histories, setups
from tests.pipelines.scheduling.world import World

PAGE_SIZE = 4
# The same sums in another order.
TOLERANCE = 1e-4


@dataclass
class RecordingPipeline:
    """Keeps what every step gives to each request."""

    pipeline: TextGenerationPipeline
    outputs: dict[RequestID, list[TextGenerationOutput]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def execute(
        self, inputs: TextGenerationInputs[TextContext]
    ) -> dict[RequestID, TextGenerationOutput]:
        outputs = self.pipeline.execute(inputs)
        for request_id, output in outputs.items():
            self.outputs[request_id].append(output)
        return outputs

    def scores(self, request_id: RequestID) -> tuple[list[float], list[float]]:
        """The log probabilities of prompt and answer, as they came."""
        whole = TextGenerationOutput.joined(self.outputs[request_id])
        prompt = whole.prompt_log_probabilities
        answer = [s.token_log_probabilities for s in whole.log_probabilities or ()]
        assert all(len(scores) == 1 for scores in answer)
        return prompt.token_log_probabilities if prompt else [], [s for (s,) in answer]


@dataclass
class ScoredModel:
    """A tiny compiled model. What a request asks for follows from its prompt's length."""

    compiled: TextGenerationPipeline = field(repr=False)
    alone: dict[Arrival, tuple[list[int], list[float], list[float]]] = field(
        default_factory=dict, repr=False
    )

    def start(self, setup: Setup) -> tuple[PagedKVCacheManager, RecordingPipeline]:
        model = self.compiled.pipeline_model
        assert isinstance(model.kv_params, KVCacheParams)
        params = replace(model.kv_params, enable_prefix_caching=setup.caching)
        manager = PagedKVCacheManager(params, setup.total_pages, CPU())
        config = self.compiled.pipeline_config
        return manager, RecordingPipeline(TextGenerationPipeline(config, model, manager))

    def make_context(self, arrival: Arrival, name: str) -> TextContext:
        kind = len(arrival.prompt) % 4
        return TextContext(
            request_id=RequestID(name),
            tokens=TokenBuffer(arrival.prompt),
            max_length=len(arrival.prompt) + arrival.max_new_tokens,
            sampling_params=SamplingParams(temperature=0.0),
            cache_salt=arrival.salt,
            log_probabilities=None if kind == 0 else kind,
            log_probabilities_echo=kind > 1,
        )

    def solo(self, arrival: Arrival) -> tuple[list[int], list[float], list[float]]:
        """Tokens and log probabilities, the prompt at once, without shared pages."""
        key = replace(arrival, salt=None, seed=None)
        if key not in self.alone:
            setup = Setup(12, PAGE_SIZE, caching=False, config=SchedulerConfig(max_batch_size=1))
            manager, pipeline = self.start(setup)
            ctx = self.make_context(arrival, "solo")
            manager.claim(ctx.request_id)
            while not ctx.is_done:
                manager.alloc(ctx)
                pipeline.execute(TextGenerationInputs(batches=[[ctx]]))
            self.alone[key] = (ctx.tokens.generated.tolist(), *pipeline.scores(ctx.request_id))
        return self.alone[key]

    def solo_answer(self, arrival: Arrival) -> list[int]:
        return self.solo(arrival)[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoredModel:
    folder = make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path_factory.mktemp("tiny") / "model")
    config = PipelineConfig.from_flat_kwargs(
        model_path=str(folder),
        device_specs="cpu",
        quantization_encoding="float32",
        max_batch_size=6,
        max_length=48,
        kv_cache_page_size=PAGE_SIZE,
        enable_echo=True,
    )
    return ScoredModel(PipelineFactory(config)())


def drive(model: ScoredModel, setup: Setup, history: list[Event]) -> World:
    """Runs a history and compares the log probabilities of all that were not cancelled."""
    world = World(setup, model)
    for event in history:
        world.take(event)
    world.check_answers()
    assert isinstance(world.pipeline, RecordingPipeline)
    for ctx, arrival in zip(world.contexts, world.arrivals, strict=True):
        if ctx.request_id not in world.cancelled:
            _, prompt, answer = model.solo(arrival)
            own_prompt, own_answer = world.pipeline.scores(ctx.request_id)
            assert own_prompt == pytest.approx(prompt, abs=TOLERANCE)
            assert own_answer == pytest.approx(answer, abs=TOLERANCE)
            assert len(answer) == (0 if ctx.log_probabilities is None else arrival.max_new_tokens)
            echoed = ctx.log_probabilities_echo and ctx.log_probabilities is not None
            assert len(prompt) == (len(arrival.prompt) - 1 if echoed else 0)
    return world


def in_histories(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    drawn = given(setup=setups(page_sizes=(PAGE_SIZE,)), history=histories)
    run = settings(max_examples=count, deadline=None, derandomize=True, database=None)
    return lambda test: run(drawn(test))


@in_histories(15)
def test_everybody_gets_the_scores_of_a_solo_run(
    model: ScoredModel, setup: Setup, history: list[Event]
) -> None:
    drive(model, setup, history)


@pytest.mark.slow
@pytest.mark.timeout(900)
@in_histories(400)
def test_everybody_gets_the_scores_of_a_solo_run_in_many_histories(
    model: ScoredModel, setup: Setup, history: list[Event]
) -> None:
    drive(model, setup, history)


def test_preempted_prompts_are_scored_once(model: ScoredModel) -> None:
    """What the random histories are meant to meet, met for sure: five requests, pages for one."""
    config = SchedulerConfig(max_batch_size=6, max_batch_input_tokens=8, kvcache_ce_watermark=1.0)
    arrivals = [Arrival(tuple(range(60 + n, 79 + n)), 16) for n in range(5)]
    world = drive(model, Setup(12, PAGE_SIZE, caching=True, config=config), [*arrivals])
    assert world.scheduler.num_preemptions > 0
    assert all(ctx.prompt_tokens_scored == 18 for ctx in world.contexts)
