"""GGUF files have the logits that transformers gives the numbers that they hold."""

# build: deps = ["@pip_dev//:accelerate"]

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from integration.test_common.logit_metrics import kl_divergence
from integration.test_common.parity import (
    Pair,
    assert_close,
    check_decoding,
    check_mixed_batch,
    check_prompt,
)
from integration.test_common.step_runner import StepRunner
from integration.test_common.tiny_checkpoints import make_checkpoint
from integration.test_common.tiny_gguf import write_dequantized, write_gguf
from integration.test_common.tiny_models import TINY_MODELS, WIDE_MODELS
from integration.test_common.torch_reference import Logits

MakePair = Callable[..., Pair]


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are decoded and multiplied in float32, not with activations rounded to bytes."""
    monkeypatch.setattr("max.kernels.layouts.panels.BLOCK_UNITS", {})


@pytest.fixture
def make_pair(tmp_path: Path) -> MakePair:
    """`make_pair(model, encoding)`: a GGUF file, and the same numbers in safetensors for torch."""

    def make(model: str, encoding: str, load_as: str = "") -> Pair:
        checkpoint = make_checkpoint({**TINY_MODELS, **WIDE_MODELS}[model], tmp_path / "checkpoint")
        folder = tmp_path / "gguf"
        folder.mkdir()
        file = write_gguf(checkpoint, folder / f"{model}-{encoding}.gguf", encoding)
        pair = Pair(write_dequantized(file, checkpoint, tmp_path / "dequantized"))
        pair.max = StepRunner(folder, load_as or encoding, kv_cache_format="float32")
        return pair

    return make


def logits_of(folder: Path, encoding: str, prompt: list[int]) -> Logits:
    """The logits after each token of a prompt."""
    runner = StepRunner(folder, encoding, kv_cache_format="float32")
    request = runner.start(prompt)
    runner.finish_prompt(request, len(prompt))
    runner.end(request)
    return request.logits


@pytest.mark.parametrize(
    "model",
    [
        "tiny-llama",
        "tiny-llama-gqa1",
        "tiny-llama-gqa8",
        "tiny-llama-head64",
        "tiny-llama-bias",
        "tiny-llama-odd",
        "tiny-qwen2",
        "tiny-qwen2-tied",
        "tiny-qwen3",
        "tiny-granite",
    ],
)
def test_sizes_and_order_of_rows(make_pair: MakePair, model: str) -> None:
    """Everything is read of the file: sizes, rope scaling, tied embeddings, biases."""
    pair = make_pair(model, "float32")
    check_prompt(pair, 150)
    check_mixed_batch(pair)


@pytest.mark.parametrize("model", ["tiny-llama-bias"])
def test_each_bias_is_optional_by_itself(model: str, tmp_path: Path) -> None:
    """A converted Qwen in Llama's form: q, k, v have biases, the output projection has none."""
    checkpoint = make_checkpoint(TINY_MODELS[model], tmp_path / "checkpoint")
    weights = load_file(checkpoint / "model.safetensors")
    absent = [name for name in weights if name.endswith("o_proj.bias")]
    zeros = {name: torch.zeros_like(weights[name]) for name in absent}
    save_file({**weights, **zeros}, checkpoint / "model.safetensors", {"format": "pt"})
    pair = Pair(checkpoint)
    fewer = shutil.copytree(checkpoint, tmp_path / "fewer")
    left = {name: weights[name] for name in weights if name not in absent}
    save_file(left, fewer / "model.safetensors", {"format": "pt"})
    (tmp_path / "gguf").mkdir()
    write_gguf(fewer, tmp_path / "gguf" / "m.gguf")
    pair.max = StepRunner(tmp_path / "gguf", "float32", kv_cache_format="float32")

    assert absent
    check_prompt(pair, 50)


@pytest.mark.usefixtures("in_float32")
@pytest.mark.parametrize("model", ["tiny-llama-wide", "tiny-qwen2-wide"])
@pytest.mark.parametrize("encoding", ["q4_k", "q5_k", "q6_k", "q8_0", "q4_0"])
def test_quantized_files(make_pair: MakePair, model: str, encoding: str) -> None:
    """The same numbers, summed up in another order."""
    pair = make_pair(model, encoding)
    check_prompt(pair, 150)
    check_prompt(pair, 7)
    check_decoding(pair)


@pytest.mark.parametrize("encoding", ["q2_k", "iq4_xs", "mxfp4", "iq3_s", "iq1_m", "tq1_0"])
def test_files_that_only_others_write(make_pair: MakePair, encoding: str) -> None:
    """By the kernels, which round activations: near what the `gguf` package decodes."""
    pair = make_pair("tiny-llama-wide", encoding)
    prompt = pair.prompt(40)
    got = logits_of(pair.folder.parent / "gguf", encoding, prompt)
    assert kl_divergence(pair.torch.logits(prompt), got).mean() < 3e-3


def test_half_precision_files(make_pair: MakePair) -> None:
    pair = make_pair("tiny-llama", "float16", load_as="float32")
    check_prompt(pair, 150)


@pytest.mark.usefixtures("in_float32")
@pytest.mark.parametrize("model", ["tiny-llama", "tiny-qwen2-odd"])
def test_rows_that_are_no_whole_blocks_have_other_types(make_pair: MakePair, model: str) -> None:
    """As llama.cpp has them: Q8_0 or F16 in a file that is called Q4_K_M."""
    check_prompt(make_pair(model, "q4_k"), 150)


@pytest.mark.parametrize("encoding", ["q4_k", "q5_k", "q6_k", "q8_0", "q4_0"])
def test_kernels_that_round_activations_stay_near(make_pair: MakePair, encoding: str) -> None:
    """They round rows of activations to bytes, as llama.cpp does."""
    pair = make_pair("tiny-llama-wide", encoding)
    prompt = pair.prompt(40)
    got = logits_of(pair.folder.parent / "gguf", encoding, prompt)
    divergence = kl_divergence(pair.torch.logits(prompt), got).mean()
    assert divergence < 3e-3


@pytest.mark.usefixtures("in_float32")
def test_transformers_reads_the_same_of_a_file(tmp_path: Path) -> None:
    """Its own reader and its own undoing of the order of rows."""
    from transformers import AutoModelForCausalLM

    checkpoint = make_checkpoint(WIDE_MODELS["tiny-llama-wide"], tmp_path / "checkpoint")
    (tmp_path / "gguf").mkdir()
    file = write_gguf(checkpoint, tmp_path / "gguf" / "model-q8_0.gguf", "q8_0")
    reference = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager"
    )
    prompt = Pair(checkpoint).prompt(40)
    with torch.inference_mode():
        expected = reference.eval()(torch.tensor([prompt])).logits[0]
    assert_close(logits_of(file.parent, "q8_0", prompt), expected.numpy(), "float32")


@pytest.mark.parametrize("encoding", ["q8_0", "q6_k", "q4_k"])
def test_checkpoints_are_quantized_while_they_load(tmp_path: Path, encoding: str) -> None:
    """The logits of a safetensors checkpoint stay near those of float32."""
    checkpoint = make_checkpoint(WIDE_MODELS["tiny-llama-wide"], tmp_path / "checkpoint")
    pair = Pair(checkpoint)
    prompt = pair.prompt(40)
    got = logits_of(checkpoint, encoding, prompt)
    divergence = kl_divergence(pair.torch.logits(prompt), got).mean()
    # Measured 1.5e-3, 9.0e-3 and 1.2e-1 on random weights, which forgive less than trained ones.
    assert divergence < {"q8_0": 2.5e-3, "q6_k": 1.4e-2, "q4_k": 0.18}[encoding]
