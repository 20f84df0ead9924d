"""The documented use from Python, without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from max.driver import CPU
from max.pipelines.context import (
    GenerationStatus,
    InputError,
    ProcessorInputs,
    SamplingParams,
    TextContext,
)
from max.pipelines.kv_cache import PagedKVCacheManager
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline, TextTokenizer
from max.pipelines.lib.offline import make_contexts
from max.pipelines.modeling.types import RequestID, TextGenerationInputs, TextGenerationRequest
from tests.pipelines.lib.tiny_llama import make_config, make_tiny_llama

GREEDY = SamplingParams(top_k=1, max_new_tokens=6, ignore_eos=True)
PROMPTS = ("Hi", "How are you?", "A much longer text, which fills several pages of the cache.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama checkpoint."""
    return make_tiny_llama(tmp_path_factory.mktemp("tiny") / "model")


def retrieve(folder: Path, **settings: Any) -> tuple[TextTokenizer, TextGenerationPipeline]:
    tokenizer, pipeline = PIPELINE_REGISTRY.retrieve(make_config(folder, **settings))
    return tokenizer, pipeline


def ask(prompt: str, params: SamplingParams = GREEDY) -> TextGenerationRequest:
    return TextGenerationRequest(
        request_id=RequestID(), model_name="tiny", prompt=prompt, sampling_params=params
    )


def assert_idle(pipeline: TextGenerationPipeline) -> None:
    """Every page is free again."""
    pipeline.kv_manager.check_integrity()
    assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages


def test_manual_generation_loop(folder: Path) -> None:
    """docs: pipelines, "the generation loop"."""
    tokenizer, pipeline = retrieve(folder)
    kv_manager = pipeline.kv_manager

    async def answer() -> tuple[list[int], str]:
        ctx = await tokenizer.new_context(ask("Hi"))
        kv_manager.claim(ctx.request_id, replica_idx=0)
        tokens, text = [], ""
        while True:
            kv_manager.alloc(ctx, replica_idx=0)
            output = pipeline.execute(TextGenerationInputs[TextContext](batches=[[ctx]]))
            for token in output[ctx.request_id].tokens:
                tokens.append(token)
                text += await tokenizer.decode(token, skip_special_tokens=True)
            if output[ctx.request_id].is_done:
                break
        pipeline.release(ctx.request_id)
        return tokens, text

    tokens, text = asyncio.run(answer())
    (expected,) = pipeline.generate([ask("Hi")])
    assert tokens == expected.tokens
    assert len(tokens) == 6
    assert isinstance(text, str)
    assert_idle(pipeline)


def test_captured_logits(folder: Path) -> None:
    """docs: logit comparison, `CaptureGeneratedLogits`."""

    class CaptureGeneratedLogits:
        def __init__(self) -> None:
            self.logits: dict[RequestID, list[np.ndarray[Any, Any]]] = {}

        def __call__(self, inputs: ProcessorInputs) -> None:
            rows = self.logits.setdefault(inputs.context.request_id, [])
            rows.append(inputs.logits[-1, :].to_numpy())

    capture = CaptureGeneratedLogits()
    params = SamplingParams(max_new_tokens=4, top_k=1, logits_processors=[capture])
    _, pipeline = retrieve(folder)
    requests = [ask(prompt, params) for prompt in PROMPTS]
    outputs = pipeline.generate(requests)
    assert [output.request_id for output in outputs] == [r.request_id for r in requests]
    for output in outputs:
        rows = capture.logits[output.request_id]
        assert [row.shape for row in rows] == [(259,)] * len(output.tokens)
        assert [int(row.argmax()) for row in rows] == output.tokens
    # nobody writes to what was captured
    assert not np.array_equal(capture.logits[requests[0].request_id][0], rows[0])


@pytest.mark.parametrize(
    "settings",
    [
        {"max_batch_size": 1},
        {"max_batch_size": 2},
        {"max_batch_input_tokens": 5},
        {"enable_prefix_caching": False},
        {"kv_cache_page_size": 1},
        {"kv_cache_page_size": 128},
    ],
)
def test_same_tokens_however_they_are_batched(folder: Path, settings: dict[str, Any]) -> None:
    _, plain = retrieve(folder)
    expected = [plain.generate([ask(prompt)])[0].tokens for prompt in PROMPTS]
    _, pipeline = retrieve(folder, **settings)
    outputs = pipeline.generate([ask(prompt) for prompt in PROMPTS])
    assert [output.tokens for output in outputs] == expected
    assert {output.final_status for output in outputs} == {GenerationStatus.MAXIMUM_LENGTH}
    assert_idle(pipeline)


def test_generate_async(folder: Path) -> None:
    _, pipeline = retrieve(folder)
    (expected,) = pipeline.generate([ask("Hi")])

    async def collect() -> list[list[int]]:
        return [output.tokens async for output in pipeline.generate_async(ask("Hi"))]

    assert asyncio.run(collect()) == [[token] for token in expected.tokens]
    assert_idle(pipeline)


def test_stop_string(folder: Path) -> None:
    tokenizer, pipeline = retrieve(folder)
    (whole,) = pipeline.generate([ask("Hi")])
    text = asyncio.run(tokenizer.decode(whole.tokens[2]))
    params = SamplingParams(top_k=1, max_new_tokens=6, ignore_eos=True, stop=[text])
    (stopped,) = pipeline.generate([ask("Hi", params)])
    assert stopped.final_status is GenerationStatus.END_OF_SEQUENCE
    assert stopped.tokens == whole.tokens[: whole.tokens.index(whole.tokens[2]) + 1]
    assert_idle(pipeline)


def test_stop_string_before_min_new_tokens_does_not_count(folder: Path) -> None:
    tokenizer, pipeline = retrieve(folder)
    (whole,) = pipeline.generate([ask("Hi")])
    texts = [asyncio.run(tokenizer.decode(token)) for token in whole.tokens]
    params = SamplingParams(
        top_k=1, max_new_tokens=6, ignore_eos=True, stop=texts, min_new_tokens=5
    )
    (stopped,) = pipeline.generate([ask("Hi", params)])
    assert stopped.tokens == whole.tokens


def test_a_prompt_that_is_too_long(folder: Path) -> None:
    _, pipeline = retrieve(folder)
    with pytest.raises(InputError, match="128"):
        pipeline.generate([ask("Hi"), ask("x" * 128)])
    assert_idle(pipeline)


def test_pages_are_given_back_when_a_processor_raises(folder: Path) -> None:
    def fail(inputs: ProcessorInputs) -> None:
        raise RuntimeError("mine")

    _, pipeline = retrieve(folder)
    params = SamplingParams(max_new_tokens=4, logits_processors=[fail])
    with pytest.raises(RuntimeError, match="mine"):
        pipeline.generate([ask("Hi"), ask("Ho", params)])
    assert_idle(pipeline)


def test_a_run_that_is_left_early_gives_its_pages_back(folder: Path) -> None:
    tokenizer, pipeline = retrieve(folder)
    (ctx,) = make_contexts(tokenizer, [ask("Hi")])
    steps = pipeline.answer([ctx])
    next(steps)
    assert pipeline.kv_manager.contains(ctx.request_id)
    steps.close()
    assert_idle(pipeline)


def test_inside_a_running_event_loop(folder: Path) -> None:
    """As in a notebook."""
    _, pipeline = retrieve(folder)
    (expected,) = pipeline.generate([ask("Hi")])

    async def cell() -> list[int]:
        return pipeline.generate([ask("Hi")])[0].tokens

    assert asyncio.run(cell()) == expected.tokens


def test_answers_that_are_read_in_turn_share_batches(folder: Path) -> None:
    _, pipeline = retrieve(folder)
    expected = [output.tokens for output in pipeline.generate([ask(p) for p in PROMPTS])]
    sizes: list[int] = []
    execute = pipeline.execute

    def counting(inputs: TextGenerationInputs[TextContext]) -> dict[RequestID, Any]:
        sizes.append(len(inputs.flat_batch))
        return execute(inputs)

    pipeline.execute = counting  # type: ignore[method-assign]  # to look on

    async def tokens_of(prompt: str) -> list[int]:
        return [t async for output in pipeline.generate_async(ask(prompt)) for t in output.tokens]

    async def all_at_once() -> list[list[int]]:
        return await asyncio.gather(*(tokens_of(prompt) for prompt in PROMPTS))

    assert asyncio.run(all_at_once()) == expected
    assert max(sizes) == len(PROMPTS)
    assert_idle(pipeline)


def test_a_step_that_fails_fails_all_who_wait_for_it(folder: Path) -> None:
    def fail(inputs: ProcessorInputs) -> None:
        raise RuntimeError("mine")

    tokenizer, pipeline = retrieve(folder)
    bad = SamplingParams(max_new_tokens=4, logits_processors=[fail])
    good, culprit = make_contexts(tokenizer, [ask("Hi"), ask("Ho", bad)])
    first, second = pipeline.answer([good]), pipeline.answer([culprit])
    next(first)
    with pytest.raises(RuntimeError, match="mine"):
        next(second)
    with pytest.raises(RuntimeError, match="mine"):
        next(first)
    assert_idle(pipeline)


@pytest.mark.parametrize("cache", [None, "int8"])
def test_requests_without_a_limit_are_batched_and_preempted(
    folder: Path, cache: str | None
) -> None:
    """Each may grow to all of the pages; together they need more than there are."""
    _, plain = retrieve(folder, kv_cache_format=cache)
    params = SamplingParams(top_k=1, ignore_eos=True)
    expected = [plain.generate([ask(prompt, params)])[0].tokens for prompt in PROMPTS]
    _, pipeline = retrieve(folder, kv_cache_format=cache)
    pages = pipeline.kv_manager.pages_for(128)
    small = TextGenerationPipeline(
        pipeline.pipeline_config,
        pipeline.pipeline_model,
        PagedKVCacheManager(pipeline.pipeline_model.kv_params, pages + 2, CPU()),
        pipeline.tokenizer,
    )
    steps = 0

    def count(inputs: TextGenerationInputs[TextContext]) -> dict[RequestID, Any]:
        nonlocal steps
        steps += 1
        return TextGenerationPipeline.execute(small, inputs)

    small.execute = count  # type: ignore[method-assign]  # to look on
    outputs = small.generate([ask(prompt, params) for prompt in PROMPTS])
    assert [output.tokens for output in outputs] == expected
    assert steps < sum(map(len, expected)) * 3 / 4
    assert_idle(small)


def test_release_of_an_unknown_request_is_safe(folder: Path) -> None:
    _, pipeline = retrieve(folder)
    pipeline.release(RequestID("nobody"))


def test_chat_messages(folder: Path) -> None:
    tokenizer, pipeline = retrieve(folder)
    request = TextGenerationRequest(
        messages=[{"role": "user", "content": "Hi"}],  # type: ignore[list-item]  # read from mappings
        sampling_params=GREEDY,
    )
    rendered = tokenizer.apply_chat_template(request.messages)
    tokens = asyncio.run(tokenizer.encode(rendered, add_special_tokens=False))
    as_tokens = TextGenerationRequest(prompt=tokens.tolist(), sampling_params=GREEDY)
    (chat,), (plain,) = pipeline.generate([request]), pipeline.generate([as_tokens])
    assert chat.tokens == plain.tokens


def test_log_probabilities_of_prompt_and_answer(folder: Path) -> None:
    """Also of a prompt that takes several steps."""
    _, pipeline = retrieve(folder, enable_echo=True, max_batch_input_tokens=8)
    prompt = list(range(20))
    request = TextGenerationRequest(prompt=prompt, sampling_params=GREEDY, logprobs=2, echo=True)

    (output,) = pipeline.generate([request])

    assert output.prompt_log_probabilities is not None and output.log_probabilities is not None
    assert len(output.prompt_log_probabilities) == 19
    best = [entry.top_log_probabilities[0] for entry in output.log_probabilities]
    assert [next(iter(found)) for found in best] == output.tokens
    assert all(len(found) == 2 for found in best)
