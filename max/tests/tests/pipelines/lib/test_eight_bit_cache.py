"""A cache of 8 bits: nearly the same answers, and the same ones however requests are batched."""

# build: size = "medium"

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.step_runner import RunningRequest, StepRunner, assert_one_segment
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_models import TINY_MODELS
from max.driver import Device
from max.pipelines.config import PipelineConfig
from max.pipelines.lib.make_pipeline import make_pipeline, plan_memory
from max.pipelines.lib.registry import PIPELINE_REGISTRY
from max.pipelines.lib.supported_architecture import SupportedArchitecture
from tests.pipelines.lib.tiny_llama import make_config

# Keys and values of all tokens, of windows too, and latents.
MODELS = {
    each.name: each
    for each in (TINY_MODELS["tiny-llama"], *TINY_FAMILIES.values())
    if each.name in ("tiny-llama", "tiny-gemma3", "tiny-deepseek_v2")
}


def make_runner(folder: Path, kv_cache_format: str) -> StepRunner:
    return StepRunner(folder, kv_cache_format=kv_cache_format)


def prompt(length: int, seed: int) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(3, 90, length)]


def run_alone(runner: StepRunner, tokens: list[int], chunk: int) -> RunningRequest:
    request = runner.start(tokens)
    runner.finish_prompt(request, chunk)
    for _ in range(4):
        runner.step([(request, 1)])
    runner.end(request)
    return request


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("kv_cache_format", "bound"), [("float8_e4m3fn", 2e-2), ("int8", 1e-3)])
def test_answers_are_nearly_the_same_and_do_not_depend_on_the_batch(
    name: str, kv_cache_format: str, bound: float
) -> None:
    folder = cached_checkpoint(MODELS[name])
    runner = make_runner(folder, kv_cache_format)
    wide = make_runner(folder, "float32")
    params = runner.pipeline.pipeline_model.kv_params
    assert params.bytes_per_block < wide.pipeline.pipeline_model.kv_params.bytes_per_block
    tokens = [prompt(40, 0), prompt(19, 1), prompt(7, 2)]
    alone = [run_alone(runner, each, 64) for each in tokens]
    exact = run_alone(wide, tokens[0], 64)
    distance = kl_divergence(exact.logits[:40], alone[0].logits[:40])
    assert 0 < distance.mean() < bound
    chunked = run_alone(runner, tokens[0], 16)
    assert chunked.generated == alone[0].generated
    together = [runner.start(each) for each in tokens]
    runner.step([(request, len(each)) for request, each in zip(together, tokens, strict=True)])
    for _ in range(4):
        runner.step([(request, 1) for request in together[::-1]])
    runner.end(*together)
    for one, other in zip(alone, together, strict=True):
        assert one.generated == other.generated
        np.testing.assert_allclose(one.logits, other.logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("encoding", ["float32", "bfloat16"])
def test_bytes_are_read_within_the_one_segment_of_a_step(name: str, encoding: str) -> None:
    runner = StepRunner(cached_checkpoint(MODELS[name]), encoding, kv_cache_format="int8")
    request = runner.start(range(1, 30))
    runner.finish_prompt(request, 20)
    runner.step([(request, 1)])
    assert_one_segment(runner)
    runner.end(request)


def test_the_same_tokens_after_a_prefix_hit() -> None:
    folder = cached_checkpoint(MODELS["tiny-llama"])
    runner = StepRunner(folder, kv_cache_format="int8", prefix_caching=True)
    first = run_alone(runner, prompt(40, 0), 64)
    again = run_alone(runner, prompt(40, 0), 64)
    assert len(again.logits) < len(first.logits)
    assert again.generated == first.generated
    np.testing.assert_array_equal(again.logits, first.logits[-len(again.logits) :])


def test_memory_has_room_for_nearly_twice_the_tokens() -> None:
    folder = cached_checkpoint(TINY_MODELS["tiny-llama-head64"])
    plans = {
        each: plan_memory(*resolved(folder, each, max_batch_size=256), available_bytes=10**7)
        for each in ("bfloat16", "int8")
    }
    # 64 bytes and a factor of 4, instead of 64 numbers of two bytes.
    assert plans["int8"].bytes_per_page * 128 == plans["bfloat16"].bytes_per_page * 68
    more = plans["int8"].total_num_pages / plans["bfloat16"].total_num_pages
    assert more == pytest.approx(128 / 68, rel=0.01)


def test_bytes_are_for_cpus_and_a_cpu_is_told_what_is_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = cached_checkpoint(TINY_MODELS["tiny-llama"])
    make_pipeline(*resolved(folder, "float8_e4m3fn"))
    assert "float8_e4m3fn is slow on a CPU: int8 takes fewer bytes" in caplog.text
    old = "max.pipelines.lib.make_pipeline"
    monkeypatch.setattr(f"{old}.load_devices", lambda specs: [Device(0, "gpu")])
    with pytest.raises(ValueError, match=r"int8 is for CPUs, and gpu:0 is none: use float8_e4m3fn"):
        make_pipeline(*resolved(folder, "int8"))


def resolved(
    folder: Path, kv_cache_format: str, **settings: int
) -> tuple[SupportedArchitecture, PipelineConfig]:
    config = make_config(folder, kv_cache_format=kv_cache_format, **settings)
    return PIPELINE_REGISTRY.resolve(config), config


def test_a_gpu_that_does_not_convert_such_numbers_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = cached_checkpoint(TINY_MODELS["tiny-llama"])
    old = "max.pipelines.lib.make_pipeline"
    monkeypatch.setattr(f"{old}.load_devices", lambda specs: [Device(0, "gpu")])
    monkeypatch.setattr("max.kernels.gpu.tuning._has_float8", lambda index: False)
    with pytest.raises(ValueError, match=r"capability 8.9 and later\), which gpu:0 does not"):
        make_pipeline(*resolved(folder, "float8_e4m3fn"))
