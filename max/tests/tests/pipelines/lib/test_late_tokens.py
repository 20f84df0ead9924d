"""A step reads the tokens of the one before it from where they were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.modeling.types import TextGenerationInputs
from max.pipelines.sampling.chosen import TokensOnDevice
from max.pipelines.sampling.sampler import chosen_on_device
from max.pipelines.scheduling import SchedulerConfig, run_overlapped
from max.pipelines.scheduling.scheduler import Scheduler
from tests.pipelines.lib.tiny_llama import make_config


@pytest.fixture(scope="module")
def pipeline() -> TextGenerationPipeline:
    config = make_config(cached_checkpoint(TINY_MODELS["tiny-llama"]))
    made: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    return made


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens are chosen as on an accelerator; how many the host has waited for."""
    waits: list[int] = []
    known = TokensOnDevice.known

    def wait(chosen: TokensOnDevice) -> list[int]:
        waits.append(len(chosen.tensor))
        return known(chosen)

    monkeypatch.setattr("max.pipelines.sampling.sampler._chosen_on_host", chosen_on_device)
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


@pytest.mark.parametrize("params", [{}, {"frequency_penalty": 0.5}], ids=str)
def test_the_tokens_are_those_of_the_plain_loop(
    pipeline: TextGenerationPipeline, waits: list[int], params: dict[str, object]
) -> None:
    """Penalties read the tokens themselves: such steps are collected first."""
    plain = make_contexts(**params)
    for _ in pipeline.answer(plain):
        pass
    contexts = make_contexts(**params)
    limits = SchedulerConfig.of(pipeline.pipeline_config.runtime, pipeline.plan)
    scheduler = Scheduler(limits, pipeline.kv_manager)
    for ctx in contexts:
        scheduler.add(ctx)
    for _ in run_overlapped(pipeline, scheduler):
        pass
    assert waits and generated(contexts) == generated(plain)
    pipeline.kv_manager.check_integrity()
