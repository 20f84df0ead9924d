"""Every tiny model has the logits and greedy tokens that transformers gives it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from integration.test_common.parity import (
    Pair,
    assert_close,
    assert_same_logits,
    check_decoding,
    check_mixed_batch,
    check_prompt,
)
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_models import TINY_MODELS
from max.demo import model_path

BFLOAT16_MODELS = (
    "tiny-llama",
    "tiny-llama-gqa8",
    "tiny-qwen2",
    "tiny-qwen2-odd",
    "tiny-qwen3",
    "tiny-granite",
)


@pytest.fixture(scope="module", params=TINY_MODELS)
def float32_pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A model in float32."""
    folder = tmp_path_factory.mktemp("checkpoint") / "model"
    yield Pair(make_checkpoint(TINY_MODELS[request.param], folder))


@pytest.fixture(scope="module", params=BFLOAT16_MODELS)
def bfloat16_pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A model whose files are bfloat16, run as such."""
    folder = tmp_path_factory.mktemp("checkpoint") / "model"
    model = replace(TINY_MODELS[request.param], dtype="bfloat16")
    yield Pair(make_checkpoint(model, folder), "bfloat16")


@pytest.mark.parametrize("chunk", [1, 7, 128, 150])
def test_prompt(float32_pair: Pair, chunk: int) -> None:
    check_prompt(float32_pair, chunk)


def test_decoding(float32_pair: Pair) -> None:
    check_decoding(float32_pair)


def test_mixed_batch(float32_pair: Pair) -> None:
    check_mixed_batch(float32_pair)


@pytest.mark.parametrize("chunk", [7, 150])
def test_prompt_in_bfloat16(bfloat16_pair: Pair, chunk: int) -> None:
    check_prompt(bfloat16_pair, chunk)


def test_mixed_batch_in_bfloat16(bfloat16_pair: Pair) -> None:
    check_mixed_batch(bfloat16_pair)


@pytest.mark.parametrize("page_size", [1, 3, 128])
def test_page_sizes(tmp_path_factory: pytest.TempPathFactory, page_size: int) -> None:
    folder = make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path_factory.mktemp("c") / "model")
    pair = Pair(folder)
    pair.max = StepRunner(folder, page_size=page_size)
    check_prompt(pair, 7, length=40)
    check_mixed_batch(pair)


def test_prefix_hit(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A request whose first pages are cached computes only the rest, with the same logits."""
    folder = make_checkpoint(TINY_MODELS["tiny-llama"], tmp_path_factory.mktemp("c") / "model")
    pair = Pair(folder)
    runner = StepRunner(folder, prefix_caching=True)
    first = runner.start(pair.prompt(70))
    runner.finish_prompt(first, 70)
    second = runner.start(pair.prompt(70))
    runner.finish_prompt(second, 70)
    skipped = 70 - len(second.logits)
    assert skipped == 64  # four pages of 16 tokens
    assert_close(second.logits, pair.torch.logits(pair.prompt(70))[skipped:], "float32")
    runner.end(first, second)


def test_demo_model() -> None:
    """A trained model: its probabilities are sharp, its greedy answers make sense."""
    pair = Pair(model_path())
    check_prompt(pair, 150)
    check_decoding(pair)
    check_mixed_batch(pair)


def test_checkpoints_of_another_dtype_are_cast(tmp_path_factory: pytest.TempPathFactory) -> None:
    """bfloat16 files in float32: transformers and MAX compute with the same rounded weights."""
    model = replace(TINY_MODELS["tiny-qwen2"], dtype="bfloat16")
    folder = make_checkpoint(model, tmp_path_factory.mktemp("c") / "model")
    check_prompt(Pair(folder, "float32"), 150)


def test_float16_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As many older checkpoints are: with all bits of their weights, however they are loaded."""
    model = replace(TINY_MODELS["tiny-llama"], dtype="float16")
    folder = make_checkpoint(model, tmp_path_factory.mktemp("c") / "model")
    pair = Pair(folder, "float32")
    check_prompt(pair, 150)
    kept = StepRunner(folder, "float16", kv_cache_format="float32")
    request = kept.start(pair.prompt(50))
    kept.finish_prompt(request, 20)
    assert_same_logits(pair, request)
    kept.end(request)
