"""A model with adapters: their logits, mixed batches, swaps of slots."""

# build: size = "medium"

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from integration.test_common.lora_files import MergedReference, write_random_adapter
from integration.test_common.parity import FLOAT32_TOLERANCE
from integration.test_common.peft_adapters import make_adapter
from integration.test_common.step_runner import RunningRequest, StepRunner, assert_one_segment
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_gguf import write_gguf
from integration.test_common.tiny_models import TINY_MODELS
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from tests.pipelines.lib.tiny_llama import make_config

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head"]
BASE = cached_checkpoint(TINY_MODELS["tiny-llama"])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adapters of all layers, and one of a few with another rank."""
    root = tmp_path_factory.mktemp("adapters")
    return {
        "a": write_random_adapter(root / "a", BASE, ALL, seed=1),
        "b": write_random_adapter(root / "b", BASE, ALL, seed=2),
        "c": write_random_adapter(root / "c", BASE, ["k_proj", "down_proj"], rank=1, seed=3),
    }


@pytest.fixture(scope="module")
def runner(folders: dict[str, Path]) -> StepRunner:
    return StepRunner(BASE, adapters=folders)


def prompt(length: int, seed: int) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(0, 90, length)]


def run_alone(runner: StepRunner, tokens: list[int], adapter: str | None) -> RunningRequest:
    request = runner.start(tokens, adapter)
    runner.finish_prompt(request, len(tokens))
    for _ in range(3):
        runner.step([(request, 1)])
    runner.end(request)
    return request


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_logits_are_those_of_merged_weights(
    name: str, runner: StepRunner, folders: dict[str, Path]
) -> None:
    request = run_alone(runner, prompt(20, 0), name)
    expected = MergedReference(BASE, folders[name]).logits(request.tokens[: len(request.logits)])
    assert np.abs(request.logits - expected).max() <= FLOAT32_TOLERANCE


def test_in_a_mixed_batch_everybody_gets_what_he_gets_alone(runner: StepRunner) -> None:
    names = ["a", None, "b", "c"]
    tokens = [prompt(11, 1), prompt(5, 2), prompt(16, 3), prompt(9, 4)]
    alone = [run_alone(runner, t, name) for t, name in zip(tokens, names, strict=True)]
    mixed = [runner.start(t, name) for t, name in zip(tokens, names, strict=True)]
    for request, own in zip(mixed, tokens, strict=True):
        runner.step([(request, len(own))])
    for step in range(3):
        order = mixed if step % 2 else mixed[::-1]
        runner.step([(request, 1) for request in order])
    runner.end(*mixed)
    for one, other in zip(alone, mixed, strict=True):
        assert one.generated == other.generated
        np.testing.assert_array_equal(one.logits, other.logits)


def test_requests_of_the_base_keep_their_bits(runner: StepRunner) -> None:
    plain = run_alone(StepRunner(BASE), prompt(20, 0), None)
    beside = runner.start(prompt(7, 9), "a")
    request = runner.start(prompt(20, 0))
    runner.step([(beside, 7), (request, 20)])
    for _ in range(3):
        runner.step([(request, 1), (beside, 1)])
    runner.end(request, beside)
    assert request.generated == plain.generated
    np.testing.assert_array_equal(request.logits[:20], plain.logits[:20])


def test_whole_weights_are_those_of_their_rows_alone(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """In a mixed batch, and in a slot that another adapter had before or has after."""
    names = ["embed_tokens", "lm_head", "norm"]
    whole = make_adapter(BASE, tmp_path / "whole", modules_to_save=names)
    runner = StepRunner(BASE, adapters={"a": folders["a"], "whole": whole})
    tokens = [prompt(11, 1), prompt(5, 2), prompt(16, 3)]
    order: list[str | None] = ["whole", None, "a"]
    mixed = [runner.start(t, name) for t, name in zip(tokens, order, strict=True)]
    runner.step([(request, len(own)) for request, own in zip(mixed, tokens, strict=True)])
    for _ in range(3):
        runner.step([(request, 1) for request in mixed])
    runner.end(*mixed)
    alone = [run_alone(runner, t, name) for t, name in zip(tokens, order, strict=True)]
    alone[1] = run_alone(StepRunner(BASE), tokens[1], None)
    for one, other in zip(alone, mixed, strict=True):
        assert one.generated == other.generated
        np.testing.assert_array_equal(one.logits, other.logits)
    assert_one_segment(runner)
    # PEFT takes "norm" for the end of other names too.
    names += ["input_layernorm", "post_attention_layernorm"]
    small = StepRunner(BASE, adapters={"a": folders["a"]}, lora_modules_to_save=names)
    small.load("whole", whole)
    for i in (2, 0, 2):
        again = run_alone(small, tokens[i], order[i])
        np.testing.assert_array_equal(again.logits, mixed[i].logits)


def test_the_decoder_is_one_segment(runner: StepRunner) -> None:
    run_alone(runner, prompt(4, 0), "a")
    assert_one_segment(runner)


def make_pipeline(
    folders: dict[str, Path], num_slots: int, *, enable_echo: bool = False
) -> TextGenerationPipeline:
    paths = [f"{name}={path}" for name, path in folders.items()]
    config = make_config(
        BASE,
        enable_lora=True,
        lora_paths=paths,
        max_num_loras=num_slots,
        max_batch_size=8,
        enable_echo=enable_echo,
    )
    pipeline: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    return pipeline


def make_contexts() -> list[TextContext]:
    names = ["a", "b", "base", "c", "a", "c", "b", "a"]
    return [
        TextContext(
            max_length=30,
            tokens=TokenBuffer(prompt(10 + index % 3, index % 2)),
            sampling_params=SamplingParams(temperature=0.0),
            model_name=name,
        )
        for index, name in enumerate(names)
    ]


def test_with_fewer_slots_than_adapters_all_get_their_tokens(folders: dict[str, Path]) -> None:
    answers = []
    for num_slots in (3, 1):
        pipeline = make_pipeline(folders, num_slots)
        contexts = make_contexts()
        for _ in pipeline.answer(contexts):
            pass
        answers.append([ctx.tokens.generated.tolist() for ctx in contexts])
        assert pipeline.adapters is not None
        pipeline.adapters.pool.check_integrity()
        assert not pipeline.adapters.pool.held
        assert (pipeline.adapters.pool.num_swaps > 0) == (num_slots == 1)
        assert pipeline.kv_manager.num_free_pages == pipeline.kv_manager.total_num_pages
    assert answers[0] == answers[1]
    by_name = dict(zip(["a", "b", "base", "c"], answers[0][:4], strict=True))
    assert len({tuple(answer) for answer in by_name.values()}) == 4


@pytest.mark.parametrize("enable_echo", [False, True])
def test_tokens_are_those_of_merged_weights(folders: dict[str, Path], enable_echo: bool) -> None:
    """Also where only the last rows are computed, or those that are asked for."""
    pipeline = make_pipeline(folders, 3, enable_echo=enable_echo)
    contexts = [ctx for ctx in make_contexts() if ctx.model_name in folders]
    for _ in pipeline.answer(contexts):
        pass
    for ctx in contexts:
        given = ctx.tokens.prompt.tolist()
        steps = ctx.tokens.generated_length
        expected = MergedReference(BASE, folders[ctx.model_name]).greedy(given, steps)
        assert ctx.tokens.generated.tolist() == expected


def test_a_gguf_file_takes_the_same_adapter(folders: dict[str, Path], tmp_path: Path) -> None:
    """Its rows of queries and keys are in another order than those of the adapter."""
    write_gguf(BASE, tmp_path / "model.gguf", "float32")
    runner = StepRunner(tmp_path, kv_cache_format="float32", adapters=folders)
    request = run_alone(runner, prompt(20, 0), "a")
    expected = MergedReference(BASE, folders["a"]).logits(request.tokens[: len(request.logits)])
    assert np.abs(request.logits - expected).max() <= FLOAT32_TOLERANCE
