"""Models of an accelerator, which torch's device "meta" stands for: everything that a graph reads
is there, and a step of it runs."""

# build: size = "medium"

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES
from integration.test_common.tiny_models import TINY_MODELS, TinyModel
from max.driver import Device
from max.engine import Model
from max.graph import DeviceRef
from max.pipelines.context import SamplingParams, TextContext, TokenBuffer
from max.pipelines.lib import PIPELINE_REGISTRY, TextGenerationPipeline
from max.pipelines.modeling.types import TextGenerationInputs
from tests.pipelines.lib.tiny_llama import make_config

MODELS: dict[str, TinyModel] = {
    each.name: each
    for each in (*TINY_MODELS.values(), *TINY_FAMILIES.values())
    if not each.remote_architecture
}
EVERY_DAY = ("tiny-llama", "tiny-gemma3", "tiny-deepseek_v2", "tiny-gpt_oss")


@pytest.fixture(autouse=True)
def accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """One accelerator, with 8 GiB of free memory."""
    monkeypatch.setattr("max.driver.device.accelerator_count", lambda: 1)
    monkeypatch.setattr(
        Device, "to_torch", lambda own: torch.device("cpu" if own.is_host else "meta")
    )
    monkeypatch.setattr(DeviceRef, "to_torch", lambda own: "cpu" if own.is_cpu() else "meta")
    monkeypatch.setattr("max.pipelines.lib.make_pipeline.available_memory", lambda device: 8 << 30)


def make_pipeline(folder: Path) -> TextGenerationPipeline:
    config = make_config(folder, device_specs="gpu:0", device_graph_capture=False)
    pipeline: TextGenerationPipeline = PIPELINE_REGISTRY.retrieve(config)[1]
    return pipeline


def check(name: str) -> None:
    pipeline = make_pipeline(cached_checkpoint(MODELS[name]))
    graph = getattr(pipeline.pipeline_model, "model")  # noqa: B009
    assert isinstance(graph, Model)
    elsewhere = [name for name, tensor in graph.weights.items() if not tensor.is_meta]
    assert not elsewhere, f"these are not on the device: {elsewhere}"
    assert pipeline.plan is not None and "8.0 GiB  on gpu:0" in str(pipeline.plan)
    contexts = [
        TextContext(max_length=20, tokens=TokenBuffer(np.arange(3, 3 + length)))
        for length in (7, 1)
    ]
    for ctx in contexts:
        pipeline.kv_manager.claim(ctx.request_id)
        pipeline.kv_manager.alloc(ctx)
    inputs = TextGenerationInputs(batches=[contexts])
    outputs = pipeline.pipeline_model.execute(pipeline.prepare_batch(inputs.batches))
    assert outputs.logits.tensor.is_meta and len(outputs.logits.tensor) == 2


@pytest.mark.parametrize("name", EVERY_DAY)
def test_everything_is_on_the_device(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS.keys() - set(EVERY_DAY)))
def test_everything_is_on_the_device_in_all_families(name: str) -> None:
    check(name)


class NeverRead:
    """Numbers on their way to a host that must not wait for them."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        assert all(tensor.is_meta for tensor in tensors)

    def known(self) -> None:
        raise AssertionError("the host has waited for the device")


def test_steps_are_started_without_asking_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor of "meta" has no numbers to ask for; penalties and log probabilities need none."""
    for user in ("chosen", "log_probabilities"):
        monkeypatch.setattr(f"max.pipelines.sampling.{user}.LateNumbers", NeverRead)
    pipeline = make_pipeline(cached_checkpoint(MODELS["tiny-llama"]))
    penalties: dict[str, Any] = {
        "repetition_penalty": 1.2,
        "frequency_penalty": 0.3,
        "logit_bias": {3: 1.0},
    }
    plain: dict[str, Any] = {}
    contexts = [
        TextContext(
            max_length=20,
            tokens=TokenBuffer(np.arange(3, 3 + length)),
            sampling_params=SamplingParams(temperature=0.7, top_k=9, seed=1, **params),
            log_probabilities=scores,
        )
        for length, params, scores in ((7, penalties, 2), (1, plain, 0), (4, penalties, None))
    ]
    for ctx in contexts:
        pipeline.kv_manager.claim(ctx.request_id)
    step = None
    with ThreadPoolExecutor(1) as executor:
        for _ in range(3):
            for ctx in contexts:
                pipeline.kv_manager.alloc(ctx)
            inputs = TextGenerationInputs(batches=[contexts])
            step = pipeline.launch(inputs, step, executor)
            assert not step.needs_collect
            assert step.given().is_meta and len(step.given()) == 3
