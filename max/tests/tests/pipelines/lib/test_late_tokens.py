"""A step reads the tokens of the one before it from where they were chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest
import torch

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.context import (
    EOSTracker,
    GenerationStatus,
    LogProbabilities,
    SamplingParams,
    TextContext,
    TextGenerationOutput,
    TokenBuffer,
)
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.modeling.types import RequestID, TextGenerationInputs
from max.pipelines.sampling.chosen import TokensOnDevice
from max.pipelines.sampling.sampler import Sampler
from max.pipelines.scheduling import LaunchedStep, SchedulerConfig, run_overlapped
from max.pipelines.scheduling.scheduler import Scheduler
from tests.pipelines.lib.tiny_llama import make_config

Scores: TypeAlias = list[list[list[LogProbabilities] | None]]


@pytest.fixture(scope="module")
def pipeline() -> TextGenerationPipeline:
    config = make_config(cached_checkpoint(TINY_MODELS["tiny-llama"]))
    made: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    return made


@pytest.fixture
def waits(pipeline: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens are chosen as on an accelerator; how many the host has waited for."""
    waits: list[int] = []
    known = TokensOnDevice.known

    def wait(chosen: TokensOnDevice) -> list[int]:
        waits.append(len(chosen.tensor))
        return known(chosen)

    sampler = Sampler(pipeline.grammars, on_device=True)
    monkeypatch.setattr(pipeline, "sampler", sampler)
    monkeypatch.setattr(TokensOnDevice, "known", wait)
    return waits


def make_contexts(**params: object) -> list[TextContext]:
    """Greedy ones, and one that is sampled, of prompts of different lengths."""
    return [
        TextContext(
            max_length=30 + number,
            tokens=TokenBuffer(list(range(3, 10 + 3 * number))),
            sampling_params=SamplingParams(
                temperature=float(number == 1),
                seed=7,
                **params,  # type: ignore[arg-type]
            ),
        )
        for number in range(3)
    ]


def generated(contexts: Sequence[TextContext]) -> list[list[int]]:
    return [ctx.tokens.generated.tolist() for ctx in contexts]


def test_a_step_is_started_before_the_host_knows_the_tokens_that_it_reads(
    pipeline: TextGenerationPipeline, waits: list[int]
) -> None:
    contexts = make_contexts()
    for ctx in contexts:
        pipeline.kv_manager.claim(ctx.request_id)

    def inputs() -> TextGenerationInputs[TextContext]:
        for ctx in contexts:
            pipeline.kv_manager.alloc(ctx)
        return TextGenerationInputs(batches=[contexts])

    with ThreadPoolExecutor(1) as executor:
        first = pipeline.launch(inputs(), None, executor)
        second = pipeline.launch(inputs(), first, executor)
        third = second.given()
        assert waits == [] and third.dtype == torch.int64 and len(third) == 3
        assert [ctx.tokens.num_pending for ctx in contexts] == [2, 2, 2]
        pipeline.collect(first)
        pipeline.collect(second)
    assert waits == [3, 3]
    assert [tokens[1] for tokens in generated(contexts)] == third.tolist()
    for ctx in contexts:
        pipeline.release(ctx.request_id)


PARAMS: list[dict[str, Any]] = [
    {},
    {"frequency_penalty": 0.5},
    {"repetition_penalty": 1.5, "presence_penalty": 0.4},
    {"logit_bias": {5: 3.0, 9: -3.0}},
    {"min_new_tokens": 6},
    {"frequency_penalty": 0.5, "repetition_penalty": 1.3, "min_new_tokens": 6},
]


@pytest.mark.parametrize("log_probabilities", [None, 3])
@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_the_tokens_are_those_of_the_plain_loop_on_the_host(
    pipeline: TextGenerationPipeline,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    params: dict[str, Any],
    log_probabilities: int | None,
) -> None:
    """And their log probabilities, and no step waits for the tokens before it."""
    stops: frozenset[int] = frozenset()

    def make() -> list[TextContext]:
        contexts = make_contexts(**params)
        for ctx in contexts:
            ctx.log_probabilities = log_probabilities
            ctx.eos_tracker = EOSTracker(
                stop_token_ids=stops, min_new_tokens=params.get("min_new_tokens", 0)
            )
        return contexts

    free = make()
    answer(pipeline, free)
    # One that comes late in the longest answer ends that, and perhaps others sooner.
    stops = frozenset([generated(free)[2][12]])
    plain = make()
    expected = answer(pipeline, plain)
    assert any(ctx.status is GenerationStatus.END_OF_SEQUENCE for ctx in plain)

    waits = request.getfixturevalue("waits")
    contexts = make()
    found = answer_overlapped(pipeline, contexts)
    assert waits and generated(contexts) == generated(plain)
    assert [ctx.status for ctx in contexts] == [ctx.status for ctx in plain]
    assert found == expected and all(any(each) for each in found) == (log_probabilities is not None)
    pipeline.kv_manager.check_integrity()


def answer(pipeline: TextGenerationPipeline, contexts: Sequence[TextContext]) -> Scores:
    """The plain loop's log probabilities of each request's tokens."""
    return scores_of(contexts, list(pipeline.answer(contexts)))


def answer_overlapped(pipeline: TextGenerationPipeline, contexts: Sequence[TextContext]) -> Scores:
    """The same of two steps at once, none of which needs to be collected before the next."""
    launch = pipeline.launch

    def launch_next(*arguments: Any) -> LaunchedStep:
        step = launch(*arguments)
        assert not step.needs_collect
        return step

    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager)
    for ctx in contexts:
        scheduler.add(ctx)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "launch", launch_next)
        steps = [step.outputs for step in run_overlapped(pipeline, scheduler)]
    return scores_of(contexts, steps)


def scores_of(
    contexts: Sequence[TextContext], steps: Sequence[Mapping[RequestID, TextGenerationOutput]]
) -> Scores:
    return [
        [
            step[ctx.request_id].log_probabilities
            for step in steps
            if ctx.request_id in step and step[ctx.request_id].tokens
        ]
        for ctx in contexts
    ]
