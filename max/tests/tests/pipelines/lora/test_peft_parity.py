"""Adapters that PEFT made give the logits that PEFT gives."""

# build: size = "medium"

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from integration.test_common.parity import FLOAT32_TOLERANCE
from integration.test_common.peft_adapters import (
    PeftReference,
    make_adapter,
    write_single_experts,
)
from integration.test_common.step_runner import RunningRequest, StepRunner
from integration.test_common.tiny_checkpoints import cached_checkpoint
from integration.test_common.tiny_families import TINY_FAMILIES, make_pair
from integration.test_common.tiny_models import TINY_MODELS
from integration.test_common.torch_reference import TorchReference
from max.pipelines.lora.errors import AdapterError

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# What an adapter may be, and the model that it is for.
FEATURES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "q and v": ("tiny-llama", {}),
    "k alone, rank 1": ("tiny-llama", {"target_modules": ["k_proj"], "r": 1}),
    "all linear": ("tiny-llama", {"target_modules": "all-linear"}),
    "of the mlp": ("tiny-llama", {"target_modules": LINEAR[4:]}),
    "regex": ("tiny-llama", {"target_modules": r".*\.1\.self_attn\.[qk]_proj"}),
    "one layer": ("tiny-llama", {"layers_to_transform": [1]}),
    "patterns": (
        "tiny-llama",
        {
            "target_modules": LINEAR,
            "rank_pattern": {"q_proj": 3, r"layers\.1\..*up_proj": 7},
            "alpha_pattern": {"q_proj": 5, "down_proj": 1},
        },
    ),
    "rslora": ("tiny-llama", {"use_rslora": True}),
    "dora": ("tiny-llama", {"use_dora": True, "target_modules": LINEAR}),
    "dora with biases": ("tiny-llama-bias", {"use_dora": True, "target_modules": LINEAR}),
    "bias all": ("tiny-llama-bias", {"bias": "all"}),
    "bias lora_only": ("tiny-llama-bias", {"bias": "lora_only", "target_modules": LINEAR}),
    "lora_bias": ("tiny-llama-bias", {"lora_bias": True, "target_modules": LINEAR}),
    "embedding": ("tiny-llama", {"target_modules": ["embed_tokens", "q_proj"]}),
    "head": ("tiny-llama", {"target_modules": ["lm_head", "o_proj"]}),
    "embedding, tied": ("tiny-qwen2-tied", {"target_modules": ["embed_tokens"]}),
    "head, tied": ("tiny-qwen2-tied", {"target_modules": ["lm_head"]}),
    "whole head": ("tiny-llama", {"modules_to_save": ["lm_head"]}),
    "whole embedding and head": ("tiny-llama", {"modules_to_save": ["embed_tokens", "lm_head"]}),
    "whole embedding, tied": ("tiny-qwen2-tied", {"modules_to_save": ["embed_tokens"]}),
    "whole head, tied": ("tiny-qwen2-tied", {"modules_to_save": ["lm_head"]}),
    "whole and tied": (
        "tiny-qwen2-tied",
        {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
    ),
    "targeted and tied": (
        "tiny-qwen2-tied",
        {"target_modules": ["embed_tokens"], "ensure_weight_tying": True},
    ),
    "whole norms": (
        "tiny-llama",
        {"modules_to_save": ["norm", "input_layernorm", "post_attention_layernorm"]},
    ),
    "whole layers with biases": (
        "tiny-llama-bias",
        {"modules_to_save": ["o_proj", "down_proj"], "target_modules": ["q_proj"]},
    ),
    "qwen2": ("tiny-qwen2", {"target_modules": "all-linear"}),
    "qwen3": ("tiny-qwen3", {"target_modules": "all-linear"}),
    "qwen3 with windows": ("tiny-qwen3-windows", {"target_modules": LINEAR, "use_dora": True}),
}


# Those that every day's run looks at.
EVERY_DAY = (
    "patterns",
    "dora with biases",
    "bias all",
    "embedding, tied",
    "head",
    "whole embedding and head",
    "whole norms",
)


def base_of(feature: str) -> Path:
    return cached_checkpoint(TINY_MODELS[FEATURES[feature][0]])


def prompt(length: int, seed: int) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(0, 90, length)]


def assert_logits_of(reference: TorchReference, request: RunningRequest) -> None:
    expected = reference.logits(request.tokens[: len(request.logits)])
    distance = float(np.abs(request.logits - expected).max())
    assert distance <= FLOAT32_TOLERANCE


@pytest.mark.parametrize("feature", EVERY_DAY)
def test_gives_peft_s_logits(feature: str, tmp_path: Path) -> None:
    check_feature(feature, tmp_path)


def check_feature(feature: str, tmp_path: Path) -> None:
    base = base_of(feature)
    settings = FEATURES[feature][1]
    folder = make_adapter(base, tmp_path / "adapter", **settings)
    runner = StepRunner(base, adapters={"mine": folder})
    mine, plain = runner.start(prompt(20, 0), "mine"), runner.start(prompt(9, 1))
    runner.step([(mine, 7), (plain, 9)])
    runner.finish_prompt(mine, 13)
    for _ in range(3):
        runner.step([(plain, 1), (mine, 1)])
    runner.end(mine, plain)
    reference = PeftReference(base, folder)
    assert_logits_of(reference, mine)
    without = TorchReference(base, "float32")
    assert_logits_of(without, plain)
    effect = np.abs(reference.logits(mine.tokens) - without.logits(mine.tokens)).max()
    assert effect > 100 * FLOAT32_TOLERANCE, "else the test shows nothing"


@pytest.mark.slow
@pytest.mark.parametrize("feature", sorted(FEATURES.keys() - set(EVERY_DAY)))
def test_gives_peft_s_logits_with_any_feature(feature: str, tmp_path: Path) -> None:
    check_feature(feature, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY_MODELS)
def test_every_model_takes_adapters_of_all_linear_layers(name: str, tmp_path: Path) -> None:
    check_all_linear(cached_checkpoint(TINY_MODELS[name]), tmp_path)


# PEFT itself cannot run their routers.
WITHOUT_ORACLE = ("phimoe", "llama4")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in TINY_FAMILIES if not any(part in n for part in WITHOUT_ORACLE)]
)
def test_every_family_takes_adapters_of_all_linear_layers(name: str, tmp_path: Path) -> None:
    check_all_linear(make_pair(TINY_FAMILIES[name], tmp_path / "base").folder, tmp_path)


# PEFT names experts' stacked matrices as parameters.
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
WITH_EXPERTS = ["tiny-deepseek_v3", "tiny-glm4_moe", "tiny-mixtral", "tiny-olmoe", "tiny-qwen2_moe"]


def test_experts_take_adapters(tmp_path: Path) -> None:
    """Of a family whose stacks are the other way round, gate and up in turn."""
    check_experts("tiny-gpt_oss", EXPERTS, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_EXPERTS)
@pytest.mark.parametrize("parameters", [EXPERTS, EXPERTS[:1], ["down_proj"]])
def test_every_kind_of_experts_takes_adapters(
    name: str, parameters: list[str], tmp_path: Path
) -> None:
    check_experts(name, parameters, tmp_path)


@pytest.mark.slow
def test_experts_of_granite_take_adapters(tmp_path: Path) -> None:
    names = [f"block_sparse_moe.experts.{name}" for name in ("gate_up_proj", "down_proj")]
    check_experts("tiny-granitemoe", names, tmp_path)


def check_experts(name: str, parameters: list[str], scratch: Path) -> None:
    base = make_pair(TINY_FAMILIES[name], scratch / "base").folder
    check_settings(base, scratch, target_parameters=parameters, target_modules=["q_proj"])


def test_adapters_of_single_experts_are_those_of_stacks(tmp_path: Path) -> None:
    """As PEFT wrote them when experts were modules."""
    base = make_pair(TINY_FAMILIES["tiny-mixtral"], tmp_path / "base").folder
    stacked = make_adapter(
        base, tmp_path / "stacked", target_parameters=EXPERTS, target_modules=["q_proj"]
    )
    single = write_single_experts(stacked, tmp_path / "single")
    runner = StepRunner(base, adapters={"stacked": stacked, "single": single})
    logits = []
    for adapter in ("stacked", "single"):
        request = runner.start(prompt(9, 1), adapter)
        runner.finish_prompt(request, 9)
        runner.end(request)
        logits.append(request.logits)
    stacked_logits, single_logits = logits
    np.testing.assert_array_equal(stacked_logits, single_logits)


@pytest.mark.slow
def test_what_expands_latents_is_refused_by_its_name(tmp_path: Path) -> None:
    """Its weight is used without the layer."""
    base = make_pair(TINY_FAMILIES["tiny-deepseek_v3"], tmp_path / "base").folder
    folder = make_adapter(base, tmp_path / "adapter", target_modules=["kv_b_proj"])
    with pytest.raises(AdapterError, match=r"no layer '.*kv_b_proj' that takes adapters"):
        StepRunner(base, adapters={"mine": folder})


def check_all_linear(base: Path, scratch: Path) -> None:
    check_settings(base, scratch, target_modules="all-linear", exclude_modules=["kv_b_proj"])


def check_settings(base: Path, scratch: Path, **settings: Any) -> None:
    """The logits are PEFT's, and those of merged weights."""
    folder = make_adapter(base, scratch / "adapter", **settings)
    runner = StepRunner(base, adapters={"mine": folder})
    request = runner.start(prompt(20, 0), "mine")
    runner.finish_prompt(request, 7)
    runner.step([(request, 1)])
    runner.end(request)
    assert_logits_of(PeftReference(base, folder), request)
    assert_logits_of(PeftReference(base, folder, merged=True), request)
