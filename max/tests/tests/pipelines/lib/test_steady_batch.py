"""Decoding steps in a row have the same inputs, changed in place, and the same tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.context import EOSTracker, SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.lib.interfaces import ModelInputs, RaggedModelInputs
from max.pipelines.lib.steady_batch import SteadyBatch
from max.pipelines.scheduling import Scheduler, SchedulerConfig, run_steps
from tests.pipelines.lib.tiny_llama import make_config

LENGTH = 40


@pytest.fixture(scope="module")
def pipeline() -> TextGenerationPipeline:
    config = make_config(cached_checkpoint(TINY_MODELS["tiny-llama"]))
    made: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    return made


@pytest.fixture
def inputs(
    pipeline: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch
) -> list[RaggedModelInputs]:
    """What the model is given, step by step; what it holds is that of the last such step."""
    given: list[RaggedModelInputs] = []
    execute = pipeline.pipeline_model.execute

    def note(model_inputs: ModelInputs) -> object:
        assert isinstance(model_inputs, RaggedModelInputs)
        given.append(model_inputs)
        return execute(model_inputs)

    monkeypatch.setattr(pipeline.pipeline_model, "execute", note)
    return given


def make_context(number: int, **params: object) -> TextContext:
    return TextContext(
        max_length=LENGTH - number,
        tokens=TokenBuffer(list(range(3, 9 + number))),
        eos_tracker=EOSTracker(ignore_eos=True),
        sampling_params=SamplingParams(temperature=0.0, seed=7, **params),  # type: ignore[arg-type]
    )


def run(
    pipeline: TextGenerationPipeline, contexts: list[TextContext], *, joins_at: int = 0
) -> list[list[int]]:
    """The tokens of requests, of which each further one joins some steps later."""
    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager)
    waiting = iter(contexts)
    scheduler.add(next(waiting))
    if not joins_at:
        add_all(scheduler, waiting)
    for number, _ in enumerate(run_steps(pipeline, scheduler), 1):
        if joins_at and number % joins_at == 0:
            add_all(scheduler, iter([ctx] if (ctx := next(waiting, None)) is not None else []))
    pipeline.kv_manager.check_integrity()
    return [ctx.tokens.generated.tolist() for ctx in contexts]


def add_all(scheduler: Scheduler, contexts: Iterator[TextContext]) -> None:
    for ctx in contexts:
        scheduler.add(ctx)


@pytest.mark.parametrize("joins_at", [0, 5])
@pytest.mark.parametrize("last", [{}, {"repetition_penalty": 1.5}, {"top_k": 5}])
def test_tokens_are_those_of_inputs_that_are_made_anew(
    pipeline: TextGenerationPipeline,
    monkeypatch: pytest.MonkeyPatch,
    joins_at: int,
    last: dict[str, object],
) -> None:
    """Requests that end apart, cross pages of 16 tokens apart, and join while others decode."""

    def contexts() -> list[TextContext]:
        return [make_context(0), make_context(1), make_context(5, **last)]

    found = run(pipeline, contexts(), joins_at=joins_at)
    monkeypatch.setattr(SteadyBatch, "next_step", lambda *_: None)
    assert found == run(pipeline, contexts(), joins_at=joins_at)


def test_steps_share_their_inputs_until_a_page_is_full(
    pipeline: TextGenerationPipeline, inputs: list[RaggedModelInputs]
) -> None:
    run(pipeline, [make_context(0)])
    # The prompt of 6 tokens, then steps with 6 to 38 in the cache; pages have 16.
    crossings = [at for at in range(1, len(inputs)) if inputs[at] is not inputs[at - 1]]
    assert len(inputs) == LENGTH - 6
    assert crossings == [1, 16 - 6 + 1, 32 - 6 + 1]


def test_inputs_hold_the_tokens_and_lengths_of_their_step(
    pipeline: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = [make_context(0), make_context(1)]
    execute = pipeline.pipeline_model.execute
    compared: list[ModelInputs] = []

    def compare(model_inputs: ModelInputs) -> object:
        batch = [ctx for ctx in contexts if not ctx.is_done]
        anew = pipeline.prepare_batch([batch])
        for given, expected in zip(model_inputs.all_buffers, anew.all_buffers, strict=True):
            assert torch.equal(given.tensor, expected.tensor)
        compared.append(model_inputs)
        return execute(model_inputs)

    monkeypatch.setattr(pipeline.pipeline_model, "execute", compare)
    run(pipeline, contexts)
    assert len({id(each) for each in compared}) < len(compared) / 3


def test_sampled_and_edited_answers_are_prepared_for_each_token(
    pipeline: TextGenerationPipeline, inputs: list[RaggedModelInputs]
) -> None:
    run(pipeline, [make_context(0, frequency_penalty=1.0)])
    assert len({id(each) for each in inputs}) == len(inputs)


def test_a_batch_that_is_another_one_is_not_gone_on_with(
    pipeline: TextGenerationPipeline, inputs: list[RaggedModelInputs]
) -> None:
    run(pipeline, [make_context(0), make_context(1)], joins_at=4)
    rows = [len(each.tokens.tensor) for each in inputs]
    assert rows[0] == 6 and rows[4] == 1 + 7
    offsets = [each.input_row_offsets.tensor.tolist()[-1] for each in inputs]
    assert rows == offsets


def test_a_subclass_of_the_inputs_is_made_anew_unless_it_says_otherwise(
    pipeline: TextGenerationPipeline,
) -> None:
    class MyInputs(RaggedModelInputs):
        """Of a model from outside, which may read more than `buffers`."""

    ctx = make_context(0)
    pipeline.kv_manager.claim(ctx.request_id)
    assert pipeline.kv_manager.try_alloc(ctx).fits
    usual = pipeline.prepare_batch([[ctx]])
    pipeline.release(ctx.request_id)
    assert usual.decode_changes is not None
    assert MyInputs(**vars(usual)).decode_changes is None
    usual.update(hidden_states=usual.all_buffers[0])
    assert usual.decode_changes is None


def test_a_model_that_gives_its_graph_other_tokens_makes_them_for_each_step(
    pipeline: TextGenerationPipeline,
    inputs: list[RaggedModelInputs],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare = pipeline.pipeline_model.prepare_initial_token_inputs

    def shifted(*args: object) -> ModelInputs:
        made = prepare(*args)  # type: ignore[arg-type]
        assert isinstance(made, RaggedModelInputs)
        made.tokens.tensor.add_(1)
        return made

    monkeypatch.setattr(pipeline.pipeline_model, "prepare_initial_token_inputs", shifted)
    run(pipeline, [make_context(0)])
    assert len({id(each) for each in inputs}) == len(inputs)
